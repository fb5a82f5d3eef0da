.PHONY: generate verify

generate: ## Generate the CRD from the models in operator/slipway_operator/api, and the gRPC messages from inference.proto
	$(PYTHON) -m slipway_operator.api.generate
	$(PYTHON) runtime_image/serving/generate.py

verify: ## Fail, and print the diff, where generated files have drifted
	$(PYTHON) -m slipway_operator.api.generate --check
	$(PYTHON) runtime_image/serving/generate.py --check
