from base64 import b64encode

import pytest

from slipway_operator.kube import ApiError
from slipway_operator.metrics_api.apiservice import COLLECTION, Endpoint, Registration, build_api_service, find_foreign

OURS = Endpoint("slipway", "slipway-metrics-api")
OWNER = {"metadata": {"name": "slipway-metrics-api", "uid": "owner-uid"}}
NAME = "v1beta2.custom.metrics.k8s.io"


def registered(version="v1beta2", group="custom.metrics.k8s.io", service=("monitoring", "adapter")):
    reference = {"namespace": service[0], "name": service[1]} if service else None
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{version}.{group}", "uid": f"{version}-uid", "resourceVersion": "7"},
        "spec": {"group": group, "version": version, "service": reference},
    }


class Cluster:
    """Just the APIServices and one ClusterRole."""

    def __init__(self, *items):
        self.items = {item["metadata"]["name"]: item for item in items}
        self.applied = []
        self.deleted = []

    async def get(self, path):
        assert path.endswith(f"/clusterroles/{OWNER['metadata']['name']}")
        return OWNER

    async def find(self, path):
        return self.items.get(path.removeprefix(f"{COLLECTION}/"))

    async def apply(self, path, body, field_manager):
        assert (path, field_manager) == (f"{COLLECTION}/{NAME}", "slipway-metrics-api")
        self.applied.append(body)
        self.items[NAME] = {**body, "metadata": {**body["metadata"], "uid": "new", "resourceVersion": "1"}}

    async def delete(self, path, body):
        assert path == f"{COLLECTION}/{NAME}"
        self.deleted.append(body["preconditions"])
        del self.items[NAME]

    async def ensure(self, bundle=b"CA"):
        return await Registration(self, OURS, OWNER["metadata"]["name"]).ensure(bundle)


async def test_a_free_group_is_claimed_once():
    cluster = Cluster(registered(group="metrics.k8s.io"))
    assert await cluster.ensure() is None
    assert await cluster.ensure() is None
    assert cluster.applied == [build_api_service(OURS, b"CA", OWNER)]


async def test_the_ca_bundle_follows():
    cluster = Cluster()
    await cluster.ensure(b"old")
    await cluster.ensure(b"new old")
    assert cluster.items[NAME]["spec"]["caBundle"] == b64encode(b"new old").decode()


async def test_a_group_that_another_serves_is_left_alone():
    cluster = Cluster(registered("v1beta1"))
    assert await cluster.ensure() == "monitoring/adapter"
    assert not cluster.applied
    assert not cluster.deleted


async def test_ours_is_withdrawn_when_another_takes_a_version():
    cluster = Cluster()
    await cluster.ensure()
    cluster.items["v1beta1.custom.metrics.k8s.io"] = registered("v1beta1")
    assert await cluster.ensure() == "monitoring/adapter"
    assert cluster.deleted == [{"uid": "new", "resourceVersion": "1"}]
    assert NAME not in cluster.items


async def test_ours_comes_back_when_the_other_leaves():
    cluster = Cluster(registered("v1beta1"))
    await cluster.ensure()
    cluster.items.clear()
    assert await cluster.ensure() is None
    assert NAME in cluster.items


async def test_our_object_in_another_hand_is_disowned_and_kept():
    cluster = Cluster()
    await cluster.ensure()
    cluster.items[NAME]["spec"]["service"] = {"namespace": "keda", "name": "adapter"}
    assert await cluster.ensure() == "keda/adapter"
    assert not cluster.deleted
    assert cluster.applied[-1]["metadata"] == {"name": NAME}
    assert "spec" not in cluster.applied[-1]


async def test_losing_the_race_to_delete_is_no_failure():
    cluster = Cluster()
    await cluster.ensure()
    cluster.items["v1beta1.custom.metrics.k8s.io"] = registered("v1beta1")

    async def refuse(_path, _body):
        raise ApiError(409, "Conflict", "the object has been modified")

    cluster.delete = refuse
    assert await cluster.ensure() == "monitoring/adapter"


@pytest.mark.parametrize(
    ("item", "who"),
    [
        (registered(service=("slipway", "slipway-metrics-api")), None),
        (registered(service=("other", "slipway-metrics-api")), "other/slipway-metrics-api"),
        (registered(service=None), "the API server itself"),
    ],
)
def test_who_else_serves_the_group(item, who):
    assert find_foreign([item], OURS) == who
