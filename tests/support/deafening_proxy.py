"""An HTTP proxy in front of the API server that can stop delivering watches, as a load balancer that forgot them."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import yaml
from aiohttp import web
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import load_kube_config


class DeafeningProxy:
    """Runs on a thread of its own; `deaf` may be set from any."""

    def __init__(self) -> None:
        self.deaf = threading.Event()
        self.port = 0
        self._started = threading.Event()

    def run(self, kubeconfig: Path) -> None:
        asyncio.run(self._serve(kubeconfig))

    def wait(self) -> None:
        assert self._started.wait(timeout=300)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)

    async def _serve(self, kubeconfig: Path) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        configuration = Configuration()
        await load_kube_config(str(kubeconfig), client_configuration=configuration)
        async with ApiClient(configuration) as client:
            self._session = client.rest_client.pool_manager or client.rest_client._create_pool_manager()
            client.rest_client.pool_manager = self._session
            self._client, self._server = client, configuration.host
            app = web.Application(client_max_size=2**24)
            app.router.add_route("*", "/{path:.*}", self._forward)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.port = runner.addresses[0][1]
            self._started.set()
            await self._stop.wait()
            await runner.cleanup()

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        is_watch = request.query.get("watch") == "true"
        headers: dict[str, str] = {}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], "", "", None)
        headers |= {name: request.headers[name] for name in ("Accept", "Content-Type") if name in request.headers}
        timeout = aiohttp.ClientTimeout(total=None)
        body = await request.read() or None
        async with self._session.request(
            request.method, self._server + request.path_qs, data=body, headers=headers, timeout=timeout
        ) as answer:
            response = web.StreamResponse(status=answer.status)
            response.content_type = answer.content_type
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                if not (is_watch and self.deaf.is_set()):
                    await response.write(chunk)
            return response


@contextmanager
def deafening_proxy(kubeconfig: Path, folder: Path) -> Iterator[tuple[DeafeningProxy, Path]]:
    """The proxy, and a kubeconfig that leads through it."""
    proxy = DeafeningProxy()
    thread = threading.Thread(target=proxy.run, args=[kubeconfig])
    thread.start()
    try:
        proxy.wait()
        through = folder / "kubeconfig"
        through.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "proxy", "cluster": {"server": f"http://127.0.0.1:{proxy.port}"}}],
                    "users": [{"name": "proxy", "user": {}}],
                    "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
                    "current-context": "proxy",
                }
            )
        )
        yield proxy, through
    finally:
        proxy.stop()
        thread.join(timeout=300)
