"""The server as the aggregation layer meets it: TLS with client certificates, discovery, values, errors."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web
from support.client_certificates import ClientCa, client_tls

from slipway_operator.metrics_api.authorization import Authorizer
from slipway_operator.metrics_api.certificates import Lifetimes, Step, take_step
from slipway_operator.metrics_api.documents import AGGREGATED_DISCOVERY
from slipway_operator.metrics_api.pods import PodAddress, PodsOfNamespaces
from slipway_operator.metrics_api.routes import Metrics
from slipway_operator.metrics_api.sampler import Sampler
from slipway_operator.metrics_api.server import Probes, build_api
from slipway_operator.metrics_api.upkeep import Upkeep

HOST = "slipway-metrics-api.slipway.svc"
PREFIX = "/apis/custom.metrics.k8s.io/v1beta2"
METRIC = f"{PREFIX}/namespaces/{{}}/modeldeployments.serving.slipway.dev/{{}}/inflight_requests"
HEADERS = {"X-Remote-User": "system:serviceaccount:kube-system:horizontal-pod-autoscaler"}


def make_material():
    return take_step(Step.START_OVER, None, (HOST,), datetime.now(UTC), Lifetimes())


class Cluster:
    """A front proxy, RBAC that says `allowed`, `lite0` with two ready pods and `idle` with none, in `team`."""

    def __init__(self, folder):
        self.proxy_ca = ClientCa(folder)
        self.material = make_material()
        self.allowed = True
        self.foreign = None
        self.loads = {"10.0.0.1": 2.0, "10.0.0.2": 1.5}

    async def get(self, path, **query):
        if path.endswith("/extension-apiserver-authentication"):
            names = '["front-proxy-client"]'
            return {"data": {"requestheader-client-ca-file": self.proxy_ca.pem, "requestheader-allowed-names": names}}
        names = ["lite0", "idle"] if query["labelSelector"] in ("", "tier=1") else []
        return {"items": [{"metadata": {"name": name}} for name in names]}

    async def find(self, path):
        return {} if path.endswith(("team/modeldeployments/lite0", "team/modeldeployments/idle")) else None

    async def create(self, _path, _body):
        return {"status": {"allowed": self.allowed}}

    async def renew(self, _now):
        return self.material

    async def ensure(self, _ca_bundle):
        return self.foreign

    def ready(self, key):
        return tuple(PodAddress(ip, ip) for ip in self.loads) if key == ("team", "lite0") else ()

    async def read(self, pod):
        return self.loads[pod.ip]


class Server:
    """The server under test, on a port of its own."""

    def __init__(self, cluster, namespaces=()):
        self.cluster = cluster
        self.upkeep = Upkeep(cluster, cluster, cluster, lambda: datetime.now(UTC))
        self.pods = PodsOfNamespaces(cluster, namespaces)
        metrics = Metrics(cluster, self.pods, Sampler(cluster.ready, cluster.read, lambda: 0.0))
        self.app = build_api(metrics, self.upkeep, Authorizer(cluster, asyncio.get_running_loop().time))
        self.port = 0
        self.proxy = cluster.proxy_ca.issue("front-proxy-client")

    async def get(self, path, *, proxy="own", headers=None):
        """Status and document; as the front proxy unless `proxy` names another client certificate, or None."""
        tls = client_tls(self.cluster.material.bundle.decode(), self.proxy if proxy == "own" else proxy)
        async with aiohttp.ClientSession(f"https://127.0.0.1:{self.port}") as session:
            request = session.get(path, headers=HEADERS | (headers or {}), ssl=tls, server_hostname=HOST)
            async with request as response:
                return response.status, await response.json(content_type=None)


@asynccontextmanager
async def listening(server):
    await server.upkeep.look()
    runner = web.AppRunner(server.app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server.upkeep.tls.listener).start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()


@pytest.fixture
def cluster(tmp_path):
    return Cluster(tmp_path)


@pytest.fixture
async def server(cluster):
    async with listening(Server(cluster)) as server:
        yield server


async def test_the_load_of_a_model_deployment(server):
    status, document = await server.get(METRIC.format("team", "lite0"))
    assert status == 200
    assert (document["kind"], document["apiVersion"]) == ("MetricValueList", "custom.metrics.k8s.io/v1beta2")
    (item,) = document["items"]
    assert item["value"] == "3500m"
    assert item["describedObject"]["name"] == "lite0"
    assert datetime.now(UTC) - datetime.fromisoformat(item["timestamp"]) < Lifetimes().leaf


async def test_every_model_deployment_with_a_known_load(server):
    status, document = await server.get(METRIC.format("team", "*"))
    assert status == 200
    assert [item["describedObject"]["name"] for item in document["items"]] == ["lite0"]
    _, document = await server.get(METRIC.format("team", "*") + "?labelSelector=tier%3D2")
    assert document["items"] == []


@pytest.mark.parametrize(
    ("path", "code", "sentence"),
    [
        (METRIC.format("team", "nobody"), 404, '"nobody" not found in the namespace team'),
        (METRIC.format("team", "idle"), 404, "it has no ready pod"),
        (METRIC.format("team", "lite0") + "?metricLabelSelector=a%3Db", 400, "remove metric.selector"),
        (METRIC.format("team", "lite0").replace("inflight_requests", "other"), 404, "Not Found"),
        (f"{PREFIX}/nodes/n/inflight_requests", 404, "Not Found"),
    ],
)
async def test_failures_are_status_objects_with_a_sentence(server, path, code, sentence):
    status, document = await server.get(path)
    assert status == code
    assert (document["kind"], document["status"], document["code"]) == ("Status", "Failure", code)
    assert sentence in document["message"]


async def test_an_installation_for_one_namespace_says_so(cluster):
    async with listening(Server(cluster, ("prod",))) as server:
        status, document = await server.get(METRIC.format("team", "lite0"))
    assert status == 404
    assert "installed for the namespaces prod, not for team" in document["message"]


async def test_discovery_in_every_form_that_the_aggregation_layer_asks_for(server):
    for path, kind in [
        ("/apis", "APIGroupList"),
        ("/apis/custom.metrics.k8s.io", "APIGroup"),
        (PREFIX, "APIResourceList"),
    ]:
        status, document = await server.get(path)
        assert (status, document["kind"]) == (200, kind)
    _, document = await server.get("/apis", headers={"Accept": f"{AGGREGATED_DISCOVERY},application/json"})
    assert document["kind"] == "APIGroupDiscoveryList"
    assert await server.get("/openapi/v3") == (200, {"paths": {}})
    status, document = await server.get("/openapi/v2")
    assert (status, document["swagger"], document["paths"]) == (200, "2.0", {})


async def test_a_direct_call_is_refused(server):
    status, document = await server.get(METRIC.format("team", "lite0"), proxy=None)
    assert (status, document["reason"]) == (401, "Unauthorized")
    assert "aggregation layer" in document["message"]


async def test_a_certificate_of_the_front_proxy_ca_with_another_name_is_refused(server, cluster):
    status, document = await server.get("/apis", proxy=cluster.proxy_ca.issue("somebody"))
    assert status == 401
    assert "somebody" in document["message"]


async def test_a_certificate_of_another_ca_ends_the_handshake(server, tmp_path):
    with pytest.raises(aiohttp.ClientError):
        await server.get("/apis", proxy=ClientCa(tmp_path).issue("front-proxy-client"))


async def test_a_user_without_the_right_is_refused(server, cluster):
    cluster.allowed = False
    status, document = await server.get(METRIC.format("team", "lite0"))
    assert (status, document["reason"]) == (403, "Forbidden")


async def test_rotation_reaches_new_connections_and_keeps_open_ones(server, cluster):
    trusts_old_only = client_tls(cluster.material.bundle.decode(), server.proxy)
    options = {"ssl": trusts_old_only, "server_hostname": HOST, "headers": HEADERS}
    url = f"https://127.0.0.1:{server.port}/apis"
    async with aiohttp.ClientSession() as session:
        async with session.get(url, **options) as response:
            assert response.status == 200
        cluster.material = make_material()
        await server.upkeep.look()
        async with session.get(url, **options) as response:
            assert response.status == 200
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(url, **options)
    assert (await server.get("/apis"))[0] == 200


async def test_a_new_front_proxy_ca_replaces_the_old_one(server, cluster, tmp_path):
    cluster.proxy_ca = ClientCa(tmp_path, "front-proxy-ca-2")
    await server.upkeep.look()
    assert (await server.get("/apis", proxy=cluster.proxy_ca.issue("front-proxy-client")))[0] == 200
    with pytest.raises(aiohttp.ClientError):
        await server.get("/apis")


async def test_readiness_says_what_is_missing(cluster, plain_client):
    server = Server(cluster)
    probes = Probes(server.upkeep, server.pods)
    get = await plain_client(probes.build())
    assert await get("/healthz") == (200, "ok\n")
    assert await get("/readyz") == (503, "no serving certificate yet\n")
    await server.upkeep.look()
    assert await get("/readyz") == (503, "the serving pods are not listed yet\n")
    server.pods.parts[None].synced.set()
    assert await get("/readyz") == (200, "ok\n")
    cluster.foreign = "monitoring/adapter"
    await server.upkeep.look()
    status, text = await get("/readyz")
    assert status == 200
    assert "served by monitoring/adapter" in text
    probes.draining = True
    assert await get("/readyz") == (503, "shutting down\n")
    status, text = await get("/metrics")
    assert status == 200
    assert "slipway_metrics_api_apiservice_ours 0.0" in text


@pytest.fixture
async def plain_client():
    runners = []

    async def start(app):
        runner = web.AppRunner(app)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()

        async def get(path):
            async with (
                aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session,
                session.get(path) as response,
            ):
                return response.status, await response.text()

        return get

    yield start
    for runner in runners:
        await runner.cleanup()
