"""Reads the requests in flight from one serving pod."""

import math
from http import HTTPStatus

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from slipway_operator.metrics_api.names import POD_GAUGE, POD_PORT
from slipway_operator.metrics_api.pods import PodAddress

SCRAPE_TIMEOUT = aiohttp.ClientTimeout(total=2)
MAX_BYTES = 4 * 1024 * 1024


class ScrapeError(Exception):
    """A pod did not say how many requests it has in flight."""


def parse_in_flight(text: str) -> float:
    """The gauge's value, summed over its label sets.

    Raises:
        ScrapeError: there is no such gauge, the text is not in the Prometheus format, or the value is no count.
    """
    try:
        values = [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == POD_GAUGE
        ]
    except (ValueError, LookupError) as error:  # the parser raises IndexError at some broken lines
        raise ScrapeError(f"/metrics is not in the Prometheus text format: {error}") from error
    if not values:
        raise ScrapeError(f"/metrics has no {POD_GAUGE}")
    total = sum(values)
    if not math.isfinite(total) or total < 0:
        raise ScrapeError(f"{POD_GAUGE} is {total}")
    return float(total)


async def read_in_flight(session: aiohttp.ClientSession, pod: PodAddress) -> float:
    """Ask one pod.

    Raises:
        ScrapeError: it did not answer within two seconds, or not with the gauge.
    """
    host = f"[{pod.ip}]" if ":" in pod.ip else pod.ip
    url = f"http://{host}:{POD_PORT}/metrics"
    try:
        async with session.get(url, timeout=SCRAPE_TIMEOUT, allow_redirects=False) as response:
            if response.status != HTTPStatus.OK:
                raise ScrapeError(f"{url} answered {response.status}")
            body = await _read_at_most(response, MAX_BYTES)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ScrapeError(f"{url} did not answer: {error or type(error).__name__}") from error
    return parse_in_flight(body.decode(errors="replace"))


async def _read_at_most(response: aiohttp.ClientResponse, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise ScrapeError(f"{response.url} answered with more than {limit} bytes")
    return bytes(body)
