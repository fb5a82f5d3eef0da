"""Runs the custom-metrics API server: `python -m slipway_operator.metrics_api`."""

import argparse
import asyncio
import logging
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import aiohttp
from aiohttp import web

from slipway_operator.json_logs import set_up_logs
from slipway_operator.kube import KubeApi, connect
from slipway_operator.metrics_api.apiservice import Endpoint, Registration
from slipway_operator.metrics_api.authorization import Authorizer
from slipway_operator.metrics_api.certificates import Lifetimes
from slipway_operator.metrics_api.pods import PodsOfNamespaces
from slipway_operator.metrics_api.routes import Metrics
from slipway_operator.metrics_api.sampler import Sampler
from slipway_operator.metrics_api.scrape import read_in_flight
from slipway_operator.metrics_api.server import Probes, build_api
from slipway_operator.metrics_api.tls_secret import TlsSecret
from slipway_operator.metrics_api.upkeep import INTERVAL, Upkeep

Work = Coroutine[None, None, None]

logger = logging.getLogger("slipway_operator.metrics_api")

DRAIN_SECONDS = 5.0  # as long as kube-proxy may take to notice that this replica is not ready


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m slipway_operator.metrics_api", description=__doc__)
    parser.add_argument(
        "--namespace", action="append", default=[], help="Serve this namespace; repeat it; without it, all of them."
    )
    parser.add_argument("--service-namespace", required=True, help="Namespace of the Service in front of this server.")
    parser.add_argument("--service-name", required=True, help="Name of that Service.")
    parser.add_argument("--service-port", type=int, default=443, help="Its port.")
    parser.add_argument("--tls-secret", required=True, help="An existing Secret beside it, to share certificates in.")
    parser.add_argument("--owner-cluster-role", required=True, help="The ClusterRole that is to own the APIService.")
    parser.add_argument("--https-port", type=int, default=8443, help="Port of the aggregated API.")
    parser.add_argument("--http-port", type=int, default=8081, help="Port of /healthz, /readyz and /metrics.")
    parser.add_argument("--ca-lifetime", type=_seconds, default=Lifetimes.ca, help="In seconds; default a year.")
    parser.add_argument("--leaf-lifetime", type=_seconds, default=Lifetimes.leaf, help="In seconds; default 30 days.")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    return parser.parse_args(arguments)


def _seconds(text: str) -> timedelta:
    return timedelta(seconds=float(text))


async def serve(options: argparse.Namespace) -> None:
    """Run until SIGTERM or SIGINT; raise when any part fails for good."""
    async with AsyncExitStack() as stack:
        kube = await stack.enter_async_context(connect())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        pods = PodsOfNamespaces(kube, tuple(options.namespace))
        sampler = Sampler(pods.ready, partial(read_in_flight, session), time.monotonic)
        upkeep = build_upkeep(kube, options)
        probes = Probes(upkeep, pods)
        api = build_api(Metrics(kube, pods, sampler), upkeep, Authorizer(kube, time.monotonic))
        await stack.enter_async_context(_listening(probes.build(), options.http_port, None))
        await stack.enter_async_context(_listening(api, options.https_port, upkeep.tls.listener))
        await _run_until_signalled(probes, upkeep.run(), (pods.follow(), sampler.run()))


def build_upkeep(kube: KubeApi, options: argparse.Namespace) -> Upkeep:
    endpoint = Endpoint(options.service_namespace, options.service_name, options.service_port)
    dns_names = (f"{endpoint.name}.{endpoint.namespace}.svc",)
    lifetimes = Lifetimes(options.ca_lifetime, options.leaf_lifetime)
    secret = TlsSecret(kube, endpoint.namespace, options.tls_secret, dns_names, lifetimes)
    registration = Registration(kube, endpoint, options.owner_cluster_role)
    interval = min(INTERVAL, lifetimes.leaf.total_seconds() / 10)
    return Upkeep(kube, secret, registration, lambda: datetime.now(UTC), interval)


@asynccontextmanager
async def _listening(app: web.Application, port: int, tls: ssl.SSLContext | None) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port, ssl_context=tls).start()
        yield
    finally:
        await runner.cleanup()


async def _run_until_signalled(probes: Probes, upkeep: Work, reading: Sequence[Work]) -> None:
    """While it drains, a replica goes on reading pods, but registers nothing: its APIService may be going for good."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        registering, *tasks = [group.create_task(part) for part in (upkeep, *reading)]
        logger.info("Started")
        await stop.wait()
        probes.draining = True
        registering.cancel()
        logger.info("Draining for %d s", DRAIN_SECONDS)
        await asyncio.sleep(DRAIN_SECONDS)
        for task in tasks:
            task.cancel()


def main() -> None:
    options = parse_arguments(sys.argv[1:])
    set_up_logs(options.log_level)
    asyncio.run(serve(options))


if __name__ == "__main__":
    main()
