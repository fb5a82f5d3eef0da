# The three images and the base they stand on. Settings: REGISTRY, BUILDER, BASE, FLAVOR, TORCH_INDEX, BUILD_OPTIONS (tests/cluster/images.py says which).
export REGISTRY BUILDER BASE FLAVOR TORCH_INDEX BUILD_OPTIONS

.PHONY: images base-image
images: setup ## Build what changed of the three images and push it to the cluster's registry
	$(INSTALL)/prerequisites.sh --images
	.venv/bin/python tests/cluster/images.py

base-image: setup ## Make the Debian base of the images
	$(INSTALL)/prerequisites.sh --images
	.venv/bin/python tests/cluster/base_image.py
