"""The operator's HTTP side: /healthz, /readyz and /metrics, from the first moment to the last."""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

HEALTHZ_FAILED = 503


def build_app(
    problems: Callable[[], list[str]], is_ready: Callable[[], bool], metrics: Callable[[], bytes]
) -> web.Application:
    """Answer from the event loop that does the work: where something blocks it, the probe itself times out.

    `problems` makes the liveness probe fail; a standby is as ready as the leader.
    """

    async def healthz(_request: web.Request) -> web.Response:
        found = problems()
        return web.Response(text="\n".join(found) or "ok", status=HEALTHZ_FAILED if found else 200)

    async def readyz(_request: web.Request) -> web.Response:
        return web.Response(text="ok") if is_ready() else web.Response(text="starting", status=503)

    async def serve_metrics(_request: web.Request) -> web.Response:
        return web.Response(body=metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", serve_metrics)
    return app


async def serve(app: web.Application, port: int) -> web.AppRunner:
    """Listen on all addresses (IPv4 and IPv6) of the pod; the caller cleans the runner up."""
    # Signals are the process's business, and an open scrape must not hold up its end.
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, None, port).start()
    return runner
