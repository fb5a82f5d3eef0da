import pytest

from slipway_operator.metrics_api.authorization import REMEMBER_SECONDS, Authorizer, build_attributes
from slipway_operator.metrics_api.front_proxy import User

HPA = User("system:serviceaccount:kube-system:horizontal-pod-autoscaler", ("system:authenticated",))
METRIC = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/team/modeldeployments.serving.slipway.dev/{}/inflight_requests"


class Reviews:
    """The API server's side of SubjectAccessReviews."""

    def __init__(self, allowed):
        self.now = 0.0
        self.allowed = allowed
        self.specs = []

    async def create(self, path, body):
        assert path == "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        self.specs.append(body["spec"])
        return {"status": {"allowed": self.allowed}}

    @property
    def authorizer(self):
        return Authorizer(self, lambda: self.now)


@pytest.mark.parametrize("name", ["lite0", "*"])
def test_a_metric_is_reviewed_as_the_api_server_reads_its_path(name):
    kind, attributes = build_attributes(METRIC.format(name))
    assert kind == "resourceAttributes"
    assert dict(attributes) == {
        "group": "custom.metrics.k8s.io",
        "version": "v1beta2",
        "verb": "get",
        "namespace": "team",
        "resource": "modeldeployments.serving.slipway.dev",
        "name": name,
        "subresource": "inflight_requests",
    }


def test_an_escaped_slash_does_not_move_the_parts():
    assert dict(build_attributes(METRIC.format("a%2Fb"))[1])["name"] == "a/b"


@pytest.mark.parametrize("path", ["/apis", "/openapi/v3", "/apis/custom.metrics.k8s.io/v1beta2"])
def test_discovery_is_reviewed_as_a_path(path):
    assert build_attributes(path) == ("nonResourceAttributes", (("path", path), ("verb", "get")))


async def test_the_whole_user_is_reviewed():
    reviews = Reviews(allowed=True)
    user = User("jane", ("dev",), (("scopes", ("a", "b")),))
    assert await reviews.authorizer.is_allowed(user, "/apis")
    (spec,) = reviews.specs
    assert (spec["user"], spec["groups"], spec["extra"]) == ("jane", ["dev"], {"scopes": ["a", "b"]})


@pytest.mark.parametrize("allowed", [True, False])
async def test_an_answer_is_remembered_for_ten_seconds(allowed):
    reviews = Reviews(allowed)
    authorizer = reviews.authorizer
    for _ in range(3):
        assert await authorizer.is_allowed(HPA, METRIC.format("lite0")) is allowed
    assert len(reviews.specs) == 1
    reviews.now, reviews.allowed = REMEMBER_SECONDS, not allowed
    assert await authorizer.is_allowed(HPA, METRIC.format("lite0")) is not allowed


async def test_an_answer_for_one_is_no_answer_for_another():
    reviews = Reviews(allowed=True)
    authorizer = reviews.authorizer
    await authorizer.is_allowed(HPA, METRIC.format("lite0"))
    await authorizer.is_allowed(HPA, METRIC.format("other"))
    await authorizer.is_allowed(User(HPA.name, ()), METRIC.format("lite0"))
    assert len(reviews.specs) == 3


async def test_the_api_server_itself_needs_no_review():
    reviews = Reviews(allowed=False)
    assert await reviews.authorizer.is_allowed(User("system:kube-aggregator", ("system:masters",)), "/apis")
    assert not reviews.specs
