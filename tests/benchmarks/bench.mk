.PHONY: bench-serving
bench-serving: setup ## Serving runtime against a hand-written FastAPI server (two cores, about 100 s)
	command -v wrk > /dev/null || { apt-get update -qq && apt-get install -y -qq wrk; }
	PYTHONPATH=tests $(PYTHON) tests/benchmarks/serving.py
