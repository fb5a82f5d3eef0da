"""What this API server is called, and what it serves: the words that every file here shares."""

GROUP = "custom.metrics.k8s.io"
VERSION = "v1beta2"
GROUP_VERSION = f"{GROUP}/{VERSION}"
API_SERVICE = f"{VERSION}.{GROUP}"

PARENT_GROUP = "serving.slipway.dev"
PARENT_VERSION = "v1alpha1"
PARENT_KIND = "ModelDeployment"
PARENT_PLURAL = "modeldeployments"
RESOURCE = f"{PARENT_PLURAL}.{PARENT_GROUP}"
METRIC = "inflight_requests"

FIELD_MANAGER = "slipway-metrics-api"

PARENT_LABEL = f"{PARENT_GROUP}/model-deployment"
SERVING_PODS = f"{PARENT_LABEL},app.kubernetes.io/component=serve"
POD_PORT = 8080
POD_GAUGE = "slipway_requests_in_flight"
