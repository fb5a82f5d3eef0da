"""What the metrics API says of itself on its own `/metrics`."""

from prometheus_client import Counter, Gauge

SCRAPES = Counter("slipway_metrics_api_scrapes", "Reads of a serving pod's /metrics.", ["outcome"])
REQUESTS = Counter("slipway_metrics_api_requests", "Requests answered on the aggregated API.", ["code"])
CERTIFICATE_EXPIRES = Gauge(
    "slipway_metrics_api_certificate_expires_seconds", "Unix time at which the serving certificate expires."
)
API_SERVICE_OURS = Gauge(
    "slipway_metrics_api_apiservice_ours", "1 while custom.metrics.k8s.io is served by Slipway, else 0."
)
