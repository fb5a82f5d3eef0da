import pytest

from slipway_operator.custom_metrics import CustomMetrics, who_serves

OURS = "slipway-system/slipway-metrics-api"


def api_service(service):
    namespace, _, name = service.partition("/")
    return {
        "metadata": {"name": "v1beta2.custom.metrics.k8s.io"},
        "spec": {"service": {"namespace": namespace, "name": name}},
    }


@pytest.mark.parametrize(
    ("services", "owner", "ours"),
    [
        ([], None, False),
        ([OURS], OURS, True),
        (["monitoring/adapter"], "monitoring/adapter", False),
        ([OURS, "monitoring/adapter"], "monitoring/adapter", False),
        (["other/slipway-metrics-api"], "other/slipway-metrics-api", False),
    ],
)
def test_who_serves_custom_metrics(services, owner, ours):
    assert who_serves([api_service(it) for it in services], OURS) == CustomMetrics(owner=owner, ours=ours)


def test_the_api_server_itself_may_serve_them():
    document = {"metadata": {"name": "v1beta1.custom.metrics.k8s.io"}, "spec": {"service": None}}
    assert who_serves([document], OURS) == CustomMetrics(owner="the API server itself", ours=False)
