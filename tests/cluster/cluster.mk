# The bundled cluster; CLUSTER=kind uses kind instead, GPUS=N sets how many fake nvidia.com/gpu devices the node has.
CLUSTER ?= bundled
cluster_command = PYTHONPATH=tests/cluster .venv/bin/python -m slipway_cluster

.PHONY: cluster-up cluster-down cluster-status helm
cluster-up: ## Build (cached) and start a real Kubernetes on this machine
	@$(cluster_command) up --with $(CLUSTER) $(if $(GPUS),--gpus $(GPUS))

cluster-down: ## Stop it and remove all it made
	@$(cluster_command) down --with $(CLUSTER)

cluster-status: ## Say which part of it is well
	@$(cluster_command) status

helm: setup # the chart's unit tests render with it
	@$(cluster_command) helm
