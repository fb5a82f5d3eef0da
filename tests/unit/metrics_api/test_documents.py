import pytest

from slipway_operator.metrics_api import documents
from slipway_operator.metrics_api.window import Load


@pytest.mark.parametrize(
    ("value", "quantity"),
    [(0, "0"), (2.0, "2"), (3.5, "3500m"), (0.0001, "1m"), (2.0004, "2001m"), (0.1 + 0.2, "300m"), (12345, "12345")],
)
def test_quantities_are_thousandths_rounded_up(value, quantity):
    assert documents.format_quantity(value) == quantity


def test_a_metric_value_is_what_the_hpa_controller_decodes():
    value = documents.build_metric_value("team", "lite0", Load(average=7.25, age=1.5, seconds=8), 1_700_000_001.5)
    assert value == {
        "describedObject": {
            "apiVersion": "serving.slipway.dev/v1alpha1",
            "kind": "ModelDeployment",
            "namespace": "team",
            "name": "lite0",
        },
        "metric": {"name": "inflight_requests"},
        "timestamp": "2023-11-14T22:13:20Z",
        "windowSeconds": 8,
        "value": "7250m",
    }


def test_both_forms_of_discovery_name_the_same_metric():
    (resource,) = documents.build_api_resource_list()["resources"]
    (version,) = documents.build_aggregated_discovery()["items"][0]["versions"]
    (aggregated,) = version["resources"]
    (subresource,) = aggregated["subresources"]
    assert f"{aggregated['resource']}/{subresource['subresource']}" == resource["name"]
    assert resource["name"] == "modeldeployments.serving.slipway.dev/inflight_requests"
    assert version["version"] == documents.build_api_group()["preferredVersion"]["version"]
