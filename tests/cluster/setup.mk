# `make setup`: a virtual environment with every extra but CUDA, exactly as uv.lock says. Changes nothing if it is up to date.
STATE := .cluster
PYTHON3 ?= python3
INSTALL := runtime_image/install
export UV_CACHE_DIR ?= $(abspath $(STATE)/cache/uv)

.PHONY: setup
setup: .venv/.setup ## Install everything that development and tests need, without CUDA
	@:

.venv/.setup: pyproject.toml uv.lock $(INSTALL)/locked.py $(INSTALL)/cuda_stubs.py
	$(INSTALL)/prerequisites.sh $(PYTHON3)
	$(PYTHON3) $(INSTALL)/locked.py .venv --uv $(STATE)/uv --editable \
	  --extra operator --extra optimizer --extra serving --group dev --group examples
	touch $@
