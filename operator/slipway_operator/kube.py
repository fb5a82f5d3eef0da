"""Plain JSON in and out of the Kubernetes API, over the official client's transport and credentials."""

import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from slipway_operator.kinds import Kind

JSON = "application/json"
APPLY_PATCH = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"

REQUEST_TIMEOUT = 30.0
FIRST_FAILURE = 300  # redirects are none of an API server's answers
PAGE_SIZE = 500

Json = dict[str, Any]


NOT_FOUND = 404
CONFLICT = 409


class ApiError(Exception):
    """The API server's refusal: its HTTP status, its reason word and its own sentence."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


class KubeApi:
    """The API server, as one client sees it."""

    def __init__(self, client: ApiClient, on_error: Callable[[str, int], None] = lambda _method, _status: None) -> None:
        self._client = client
        self._on_error = on_error

    async def get(self, path: str, **query: str) -> Json:
        return await self._json("GET", path, query)

    async def find(self, path: str) -> Json | None:
        """The object, or None where there is none."""
        try:
            return await self.get(path)
        except ApiError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    async def list(self, kind: Kind, namespace: str | None, **query: str) -> list[Json]:
        """All items, page by page. The API server leaves kind and apiVersion out of a list's items."""
        items: list[Json] = []
        query = {"limit": str(PAGE_SIZE), **query}
        while True:
            page = await self.get(kind.path(namespace), **query)
            items += [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in page["items"]]
            if not (token := page["metadata"].get("continue")):
                return items
            query["continue"] = token

    async def text(self, path: str, **query: str) -> str:
        return (await self._bytes("GET", path, query)).decode(errors="replace")

    async def create(self, path: str, body: Json, **query: str) -> Json:
        return await self._json("POST", path, query, body)

    async def replace(self, path: str, body: Json) -> Json:
        return await self._json("PUT", path, {}, body)

    async def apply(self, path: str, body: Json, field_manager: str) -> Json:
        """Server-side apply; takes over fields that others manage."""
        query = {"fieldManager": field_manager, "force": "true"}
        return await self._json("PATCH", path, query, body, APPLY_PATCH)

    async def patch(self, path: str, body: Any, content_type: str, **query: str) -> Json:
        return await self._json("PATCH", path, query, body, content_type)

    async def delete(self, path: str, body: Json) -> None:
        await self._bytes("DELETE", path, {}, body)

    async def watch(self, path: str, seconds: int, **query: str) -> AsyncIterator[Json]:
        """Events of a collection; the server ends the watch after about this many seconds."""
        query |= {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(seconds)}
        timeout = aiohttp.ClientTimeout(total=seconds + REQUEST_TIMEOUT)
        request = await self._client.param_serialize(
            "GET", f"{path}?{urlencode(query)}", header_params={"Accept": JSON}, auth_settings=["BearerToken"]
        )
        try:
            answer = (await self._client.call_api(*request, _request_timeout=timeout)).response
            async with answer:
                if answer.status >= FIRST_FAILURE:
                    raise _refusal(answer.status, await answer.read())
                buffer = b""
                async for chunk in answer.content.iter_any():
                    *lines, buffer = (buffer + chunk).split(b"\n")
                    for line in lines:
                        yield json.loads(line)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ApiError(0, "Unreachable", f"GET {path}: {error or type(error).__name__}") from error

    async def _json(
        self, method: str, path: str, query: Mapping[str, str], body: Any = None, content_type: str = JSON
    ) -> Json:
        document: Json = json.loads(await self._bytes(method, path, query, body, content_type))
        return document

    async def _bytes(
        self, method: str, path: str, query: Mapping[str, str], body: Any = None, content_type: str = JSON
    ) -> bytes:
        request = await self._client.param_serialize(
            method,
            f"{path}?{urlencode(query)}" if query else path,
            header_params={"Accept": "application/json, */*", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT)
        try:
            answer = await self._client.call_api(*request, _request_timeout=timeout)
            # The client is generated without annotations here and in its config module.
            content: bytes = await answer.read()  # type: ignore[no-untyped-call]
        except (aiohttp.ClientError, TimeoutError) as error:
            self._on_error(method, 0)
            raise ApiError(0, "Unreachable", f"{method} {path}: {error or type(error).__name__}") from error
        if answer.status >= FIRST_FAILURE:
            self._on_error(method, answer.status)
            raise _refusal(answer.status, content)
        return content


def _refusal(status: int, content: bytes) -> ApiError:
    try:
        document = json.loads(content)
        return ApiError(status, str(document.get("reason", "")), str(document["message"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ApiError(status, "", content.decode(errors="replace")[:500])


@asynccontextmanager
async def connect(on_error: Callable[[str, int], None] = lambda _method, _status: None) -> AsyncIterator[KubeApi]:
    """KUBECONFIG where it is set, else the pod's service account."""
    configuration = Configuration()
    if path := os.environ.get("KUBECONFIG"):
        await config.load_kube_config(path, client_configuration=configuration)  # type: ignore[no-untyped-call]
    else:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    async with ApiClient(configuration) as client:
        yield KubeApi(client, on_error)
