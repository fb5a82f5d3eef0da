import pytest

from slipway_operator.metrics_api.pods import PodAddress, ServingPods, takes_requests


def pod(uid="u1", name="lite0", *, ready="True", ip="10.0.0.7", deleted=False):
    return {
        "metadata": {
            "uid": uid,
            "namespace": "team",
            "labels": {"serving.slipway.dev/model-deployment": name},
            **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {}),
        },
        "status": {"podIP": ip, "conditions": [{"type": "Ready", "status": ready}]},
    }


@pytest.mark.parametrize("changes", [{"ready": "False"}, {"ready": "Unknown"}, {"ip": ""}, {"deleted": True}], ids=str)
def test_only_ready_pods_that_stay_take_requests(changes):
    assert takes_requests(pod())
    assert not takes_requests(pod(**changes))


def test_a_pod_without_status_takes_no_requests():
    assert not takes_requests({"metadata": {}})


class Api:
    """Lists once, then sends events."""

    def __init__(self, items, events):
        self.items = items
        self.events = events

    async def get(self, path, labelSelector):  # noqa: N803
        assert path == "/api/v1/namespaces/team/pods"
        assert labelSelector == "serving.slipway.dev/model-deployment,app.kubernetes.io/component=serve"
        return {"items": self.items, "metadata": {"resourceVersion": "5"}}

    async def watch(self, _path, _seconds, labelSelector, resourceVersion):  # noqa: N803
        assert labelSelector
        assert resourceVersion == "5"
        for event in self.events:
            yield event


async def test_events_keep_the_list_current():
    events = [
        {"type": "ADDED", "object": pod("u2", ip="10.0.0.8")},
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}},
        {"type": "MODIFIED", "object": pod("u1", ready="False")},
        {"type": "ADDED", "object": pod("u3", "other")},
        {"type": "DELETED", "object": pod("u3", "other")},
    ]
    pods = ServingPods(Api([pod("u1")], events), "team")
    await pods.list_and_watch()
    assert pods.synced.is_set()
    assert pods.ready(("team", "lite0")) == (PodAddress("u2", "10.0.0.8"),)
    assert pods.ready(("team", "other")) == ()


async def test_a_new_list_forgets_pods_that_went_unseen():
    api = Api([pod("u1")], [])
    pods = ServingPods(api, "team")
    await pods.list_and_watch()
    api.items = [pod("u2")]
    await pods.list_and_watch()
    assert [it.uid for it in pods.ready(("team", "lite0"))] == ["u2"]
