.PHONY: generate verify

generate: ## Generate the CRD from the models in operator/slipway_operator/api
	.venv/bin/python -m slipway_operator.api.generate

verify: ## Fail, and print the diff, where generated files have drifted
	.venv/bin/python -m slipway_operator.api.generate --check
