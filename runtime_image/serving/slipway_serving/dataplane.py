"""The data plane decides: whether a request is accepted, what it means, and what its answer is. It knows no protocol.

Front ends take a `Ticket` for each request and ask with it. On the event loop:

    with plane.accept(announced_bytes) as ticket:
        ticket.hold(size), for each part of the body; ticket.arrive(), once all is there
        answer = await plane.infer(body, header_length, ticket)
        ticket.code = 200

From any other thread: `with plane.accept(size, protocol="grpc") as ticket`, the same calls on the ticket, and then
`plane.infer_blocking(decode, ticket)`; `ticket.abandon()` is for the callback that hears of a cancelled call.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from slipway_contract.manifest import Manifest
from slipway_serving.access_log import AccessLog
from slipway_serving.admission import Admission
from slipway_serving.artifact import Artifact
from slipway_serving.batcher import Batcher
from slipway_serving.description import VERSION, is_joinable
from slipway_serving.errors import NotReadyError, OverloadedError, UnknownModelError
from slipway_serving.golden import GoldenReport
from slipway_serving.metrics import Metrics
from slipway_serving.predict import decode_prediction, encode_prediction
from slipway_serving.protocol import Answer, InferRequest, decode_request, encode_answer
from slipway_serving.session import Session
from slipway_serving.settings import Settings
from slipway_serving.statistics import Statistics
from slipway_serving.ticket import Ticket
from slipway_serving.waiting import Arrays

# Below this, another thread costs more than it spares the event loop.
_INLINE_SECONDS = 0.0003


@dataclass(frozen=True)
class LoadedModel:
    """A model that has proved itself."""

    name: str
    artifact: Artifact
    session: Session
    golden: GoldenReport


@dataclass(frozen=True)
class Served:
    """A model that takes requests, with all that belongs to it: replaced as one."""

    model: LoadedModel
    batcher: Batcher
    batch_max_size: int
    statistics: Statistics


class DataPlane:
    """Empty until `serve` gives it a loaded model."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        self.draining = False
        self._access_log = AccessLog(settings.access_log)
        self._served: Served | None = None
        self._admission = Admission(
            max_waiting=settings.queue_size,
            max_bytes=settings.queue_bytes,
            running=lambda: self._served.batcher.running if self._served else 0,
            seconds_per_request=lambda: self._served.batcher.pace.seconds_per_request if self._served else 0.0,
        )
        metrics.watch(self)

    @property
    def model(self) -> LoadedModel | None:
        return self._served.model if self._served else None

    @property
    def statistics(self) -> Statistics | None:
        return self._served.statistics if self._served else None

    @property
    def batch_max_size(self) -> int:
        """Rows that requests may share a run up to; 1 also where the model's axes allow no batching."""
        return self._served.batch_max_size if self._served else 1

    @property
    def ready(self) -> bool:
        """New traffic is welcome. While draining, requests are still answered, but no more should be sent."""
        return self._served is not None and not self.draining

    @property
    def live(self) -> bool:
        """False once a run of the model has not returned for so long that only a new process helps."""
        since = self._served.batcher.running_since if self._served else None
        limit = self.settings.run_timeout
        return since is None or not limit or time.monotonic() - since < limit

    @property
    def model_name(self) -> str:
        """The name in the routes; empty until it is known."""
        return self._served.model.name if self._served else self.settings.model_name

    @property
    def in_flight(self) -> int:
        return self._admission.in_flight

    @property
    def bytes_held(self) -> int:
        """Bytes of the bodies of requests in flight."""
        return self._admission.bytes_held

    @property
    def queue_depth(self) -> int:
        return self._served.batcher.depth if self._served else 0

    @property
    def queue_bytes(self) -> int:
        return self._served.batcher.bytes_waiting if self._served else 0

    @property
    def rejected(self) -> dict[str, int]:
        """Requests that got no answer from the model for no fault of their content, by reason."""
        return {**self._admission.refused, **(self._served.batcher.dropped if self._served else {})}

    def serve(self, model: LoadedModel) -> None:
        """Send all requests from now on to this model; those that an earlier one has accepted, it answers."""
        batch_max_size = self.settings.batch_max_size if is_joinable(model.artifact.manifest) else 1
        statistics = Statistics()

        def observe(rows: int, seconds: float) -> None:
            statistics.count_run(rows, seconds)
            self.metrics.observe_batch(rows)

        batcher = Batcher(
            model.session.run,
            max_size=batch_max_size,
            max_delay=self.settings.batch_max_delay,
            inline_seconds=_INLINE_SECONDS if model.session.runs_on_cpu else 0.0,
            observe=observe,
        )
        earlier, self._served = self._served, Served(model, batcher, batch_max_size, statistics)
        self.metrics.describe_model(model.name, model.artifact.digest, model.session.execution_provider)
        if earlier is not None:
            earlier.batcher.close()

    def accept(self, announced_bytes: int = 0, *, protocol: str = "http", route: str = "infer") -> Ticket:
        """A ticket for a request; to enter it raises OverloadedError where too many wait already.

        Raises:
            NotReadyError: no model yet.
        """
        if self._served is None:
            raise NotReadyError("the model is still being loaded and verified")
        ticket = Ticket(self._admission, announced_bytes, self._done, protocol=protocol, route=route)
        if self.settings.request_timeout:
            ticket.limit_to(self.settings.request_timeout)
        return ticket

    async def infer(self, body: bytes, header_length: int | None, ticket: Ticket) -> Answer:
        """Answer an Open Inference Protocol request."""
        served = self._serving()
        manifest = served.model.artifact.manifest
        request = decode_request(body, header_length, manifest.inputs, manifest.outputs)
        _note(request, ticket)
        results = await served.batcher.submit(request.inputs, ticket)
        return encode_answer(served.model.name, VERSION, request, results)

    async def predict(self, body: bytes, ticket: Ticket) -> Answer:
        """Answer a plain JSON request."""
        served = self._serving()
        manifest = served.model.artifact.manifest
        inputs, single = decode_prediction(body, manifest.inputs)
        results = await served.batcher.submit(inputs, ticket)
        return Answer(encode_prediction(results, manifest.outputs, single=single))

    def infer_blocking(self, decode: Callable[[Manifest], InferRequest], ticket: Ticket) -> tuple[InferRequest, Arrays]:
        """The request, and the model's outputs for it, for a caller on a thread of its own: not the event loop's.

        `decode` is told which model it is that will be run.

        Raises:
            RequestError: as for `infer`.
        """
        served = self._serving()
        request = decode(served.model.artifact.manifest)
        _note(request, ticket)
        return request, served.batcher.submit_blocking(request.inputs, ticket)

    def require_known(self, name: str, version: str = "") -> None:
        """Refuse what is asked of other models, and of other versions.

        Raises:
            UnknownModelError: names what is served here.
        """
        if self.model_name and name != self.model_name:
            raise UnknownModelError(f"unknown model {name!r}: this server has {self.model_name!r}")
        if version not in ("", VERSION):
            raise UnknownModelError(f"unknown version {version!r} of {name!r}: this server has {VERSION!r}")

    def find(self, name: str, version: str = "") -> LoadedModel:
        """The model of this name.

        Raises:
            UnknownModelError: there is none.
            NotReadyError: not yet.
        """
        self.require_known(name, version)
        return self._serving().model

    def refuse_the_rest(self) -> None:
        """Answer whoever still waits that this server is going away, so that they ask another."""
        if self._served is not None:
            self._served.batcher.give_up_all(OverloadedError("the server is shutting down; try again"))

    def close(self) -> None:
        if self._served is not None:
            self._served.batcher.close()

    def _done(self, ticket: Ticket) -> None:
        answered = time.monotonic()
        self.metrics.observe_request(ticket, answered)
        if self._served is not None:
            self._served.statistics.count_request(ticket, answered)
        if self._access_log.is_on:
            self._access_log.note(ticket, answered)

    def _serving(self) -> Served:
        if self._served is None:
            raise NotReadyError("the model is still being loaded and verified")
        return self._served


def _note(request: InferRequest, ticket: Ticket) -> None:
    ticket.request_id = request.id or ticket.request_id
    if request.timeout is not None:
        ticket.limit_to(request.timeout)
