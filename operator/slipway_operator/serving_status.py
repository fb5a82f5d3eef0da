"""Asks a serving pod what it serves (`GET /v1/status`).

The answer comes from a container of the user's namespace: it is bounded, it is followed nowhere, and it may be odd.
"""

import ipaddress
import logging
from typing import Annotated

import aiohttp
from pydantic import BaseModel, StringConstraints, ValidationError

from slipway_operator.objects.deployment import HTTP_PORT
from slipway_operator.stages.pods import is_ready
from slipway_operator.state import Object, ServingReport

logger = logging.getLogger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=2)
MAX_BYTES = 16 * 1024
HTTP_OK = 200

Word = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class _Answer(BaseModel):
    artifactDigest: Word  # noqa: N815 (as in the JSON)
    executionProvider: Word  # noqa: N815


async def ask(http: aiohttp.ClientSession, pods: tuple[Object, ...]) -> ServingReport | None:
    """The report of the newest ready pod; None where there is none, or none that can be read."""
    pod = newest_ready(pods)
    if pod is None:
        return None
    try:
        async with http.get(status_url(pod), timeout=TIMEOUT, allow_redirects=False) as response:
            body = await _read_at_most(response, MAX_BYTES)
            return parse_report(response.status, body)
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
        logger.info("pod %s does not report its status: %s", pod["metadata"]["name"], error or type(error).__name__)
        return None


async def _read_at_most(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, cut after `limit` bytes: it then is no JSON."""
    body = b""
    while len(body) <= limit and (chunk := await response.content.read(limit)):
        body += chunk
    return body[:limit]


def parse_report(status: int, body: bytes) -> ServingReport:
    """Raise ValueError where this is no report."""
    if status != HTTP_OK:
        raise ValueError(f"it answered {status}")
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError as error:
        raise ValueError(f"its answer is no report: {error.errors()[0]['msg']}") from error
    return ServingReport(artifact_digest=answer.artifactDigest, execution_provider=answer.executionProvider)


def newest_ready(pods: tuple[Object, ...]) -> Object | None:
    """The pod to ask what is served: during a rollout the news is in the newest one."""
    ready = [pod for pod in pods if is_ready(pod)]
    return max(ready, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)


def status_url(pod: Object) -> str:
    """Raise KeyError or ValueError where the pod has no address."""
    address = ipaddress.ip_address(pod["status"]["podIP"])
    host = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004  IPv6
    return f"http://{host}:{HTTP_PORT}/v1/status"
