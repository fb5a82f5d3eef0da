# Commands of this repository. Where KUBECONFIG is set, `demo` and `test` use that cluster; else they start the bundled one.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
PYTEST_OPTIONS ?=
# Unit tests share nothing, so each core takes a part; what one has not begun, the other may take over.
WORKERS ?= 2

.PHONY: help
help: ## Show the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

include tests/cluster/setup.mk
include tests/cluster/cluster.mk
include tests/cluster/images.mk
include operator/generate.mk
include tests/benchmarks/bench.mk

CLUSTER_IF_NONE := $(if $(KUBECONFIG),,cluster-up)

.PHONY: demo test test-unit test-cluster fuzz check fmt lint type
demo: setup ## From nothing to a served, scaled, answering model
	$(MAKE) $(CLUSTER_IF_NONE) images
	PYTHONPATH=examples $(PYTHON) -m demo

test: setup ## All tests: unit, integration and end-to-end on a real Kubernetes
	$(MAKE) $(CLUSTER_IF_NONE) images
	$(PYTHON) -m pytest $(PYTEST_OPTIONS) tests/unit tests/integration tests/e2e

test-unit: setup helm ## Unit tests only: no cluster, no network
	$(PYTHON) -m pytest -q -n $(WORKERS) --dist worksteal $(PYTEST_OPTIONS) tests/unit

test-cluster: setup ## Integration and end-to-end tests, on the cluster that is there
	$(PYTHON) -m pytest $(PYTEST_OPTIONS) tests/integration tests/e2e

fuzz: setup ## 100,000 broken REST and as many gRPC requests to the serving runtime (some minutes)
	PYTHONPATH=tests $(PYTHON) -m support.mutations

check: setup lint type verify test-unit ## What a commit must pass: lint, types, boundaries, generated files, unit tests

lint: setup
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/lint-imports

type: setup
	.venv/bin/mypy

fmt: setup ## Format and fix what can be fixed
	.venv/bin/ruff format
	.venv/bin/ruff check --fix
