"""What this API server is called, and what it serves: the words that every file here shares."""

from slipway_operator.api import v1alpha1
from slipway_operator.kinds import CUSTOM_METRICS_GROUP
from slipway_operator.objects.deployment import HTTP_PORT
from slipway_operator.objects.hpa import IN_FLIGHT_METRIC
from slipway_operator.objects.names import COMPONENT_LABEL, MODEL_DEPLOYMENT_LABEL

GROUP = CUSTOM_METRICS_GROUP
VERSION = "v1beta2"
GROUP_VERSION = f"{GROUP}/{VERSION}"
API_SERVICE = f"{VERSION}.{GROUP}"

PARENT_GROUP = v1alpha1.GROUP
PARENT_VERSION = v1alpha1.VERSION
PARENT_KIND = v1alpha1.KIND
PARENT_PLURAL = v1alpha1.PLURAL
RESOURCE = f"{PARENT_PLURAL}.{PARENT_GROUP}"
METRIC = IN_FLIGHT_METRIC

FIELD_MANAGER = "slipway-metrics-api"

PARENT_LABEL = MODEL_DEPLOYMENT_LABEL
SERVING_PODS = f"{PARENT_LABEL},{COMPONENT_LABEL}=serve"
POD_PORT = HTTP_PORT
POD_GAUGE = "slipway_requests_in_flight"
