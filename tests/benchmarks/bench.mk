.PHONY: bench-serving
bench-serving: setup ## Serving runtime beside mosec, LitServe, BentoML, MLServer, KServe and bare limits (two cores, about 25 min)
	command -v wrk h2load > /dev/null || { apt-get update -qq && apt-get install -y -qq wrk nghttp2-client; }
	PYTHONPATH=tests:tests/benchmarks $(PYTHON) -m serving $(BENCH)

.PHONY: bench-optimizer
bench-optimizer: setup ## What the optimizer makes of five real models, and what its Jobs cost (two cores, some minutes)
	PYTHONPATH=tests $(PYTHON) tests/benchmarks/optimizer.py
