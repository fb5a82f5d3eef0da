.PHONY: generate verify

generate: ## Generate the CRD from the models in operator/slipway_operator/api
	$(PYTHON) -m slipway_operator.api.generate

verify: ## Fail, and print the diff, where generated files have drifted
	$(PYTHON) -m slipway_operator.api.generate --check
