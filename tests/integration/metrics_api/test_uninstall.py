"""What is left of the metrics API when its chart's objects are gone."""

import pytest
from support import cluster
from support.custom_metrics_group import api_service

pytestmark = pytest.mark.cluster


def test_the_garbage_collector_takes_the_registration_with_its_cluster_role(metrics_api):
    (owner,) = api_service()["metadata"]["ownerReferences"]
    metrics_api.stop()
    cluster.kubectl("delete", "clusterrole", owner["name"])
    cluster.wait_for(lambda: api_service() is None)
