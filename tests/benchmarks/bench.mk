.PHONY: bench-serving
bench-serving: setup ## Serving runtime against a hand-written FastAPI server (two cores, about 100 s)
	command -v wrk > /dev/null || { apt-get update -qq && apt-get install -y -qq wrk; }
	PYTHONPATH=tests $(PYTHON) tests/benchmarks/serving.py

.PHONY: bench-optimizer
bench-optimizer: setup ## What the optimizer makes of five real models, and what its Jobs cost (two cores, some minutes)
	PYTHONPATH=tests $(PYTHON) tests/benchmarks/optimizer.py
