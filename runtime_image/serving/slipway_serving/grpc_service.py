"""gRPC translation: each method of the protocol's service. The data plane decides what is answered."""

import logging
from collections.abc import Callable, Iterator
from typing import Any, Never, TypeVar

import grpc
from google.protobuf.json_format import ParseDict
from google.protobuf.message import DecodeError, Message

from slipway_contract.manifest import Manifest
from slipway_serving.dataplane import DataPlane
from slipway_serving.description import (
    VERSION,
    describe_config,
    describe_index,
    describe_model,
    describe_server,
    describe_statistics,
)
from slipway_serving.errors import (
    ClientGoneError,
    DeadlineExceededError,
    InferenceFailedError,
    InvalidRequestError,
    NotReadyError,
    OverloadedError,
    RequestError,
    RequestTooLargeError,
    UnknownModelError,
)
from slipway_serving.grpc_tensors import decode_infer, encode_infer
from slipway_serving.oip import inference_pb2 as oip
from slipway_serving.protocol import InferRequest

SERVICE = "inference.GRPCInferenceService"

STATUS_CODES: dict[type[RequestError], grpc.StatusCode] = {
    InvalidRequestError: grpc.StatusCode.INVALID_ARGUMENT,
    RequestTooLargeError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    UnknownModelError: grpc.StatusCode.NOT_FOUND,
    InferenceFailedError: grpc.StatusCode.INTERNAL,
    NotReadyError: grpc.StatusCode.UNAVAILABLE,
    OverloadedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    DeadlineExceededError: grpc.StatusCode.DEADLINE_EXCEEDED,
    ClientGoneError: grpc.StatusCode.CANCELLED,
}

_PUSHBACK = "grpc-retry-pushback-ms"

_log = logging.getLogger(__name__)

Context = grpc.ServicerContext
M = TypeVar("M", bound=Message)


class Service:
    """The methods of `inference.GRPCInferenceService`, called on the server's threads.

    Requests arrive and answers leave as bytes: to parse them here makes a message that is none the client's error.
    """

    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane

    def handlers(self) -> dict[str, "grpc.RpcMethodHandler[Any, Any]"]:
        unary = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata,
            "ModelMetadata": self._model_metadata,
            "ModelConfig": self._model_config,
            "ModelStatistics": self._model_statistics,
            "RepositoryIndex": self._repository_index,
        }
        return {
            **{name: grpc.unary_unary_rpc_method_handler(_answering(method)) for name, method in unary.items()},
            "ModelInfer": grpc.unary_unary_rpc_method_handler(self._model_infer),
            "ModelStreamInfer": grpc.stream_stream_rpc_method_handler(self._model_stream_infer),
        }

    def _model_infer(self, body: bytes, context: Context) -> bytes:
        try:
            return self._infer(body, context).SerializeToString()
        except RequestError as error:
            _abort(context, error)

    def _model_stream_infer(self, bodies: Iterator[bytes], context: Context) -> Iterator[bytes]:
        """One answer for each request, in order. An error is an answer too, and the stream goes on."""
        for body in bodies:
            try:
                answer = self._infer(body, context)
                answer.parameters["triton_final_response"].bool_param = True
                message = oip.ModelStreamInferResponse(infer_response=answer)
            except RequestError as error:
                message = oip.ModelStreamInferResponse(error_message=str(error))
            yield message.SerializeToString()

    def _infer(self, body: bytes, context: Context) -> oip.ModelInferResponse:
        code = grpc.StatusCode.OK
        try:
            return self._admitted(body, context)
        except RequestError as error:
            code = STATUS_CODES[type(error)]
            raise
        finally:
            self._plane.metrics.count_request(code.name, protocol="grpc")

    def _admitted(self, body: bytes, context: Context) -> oip.ModelInferResponse:
        with self._plane.accept(len(body), protocol="grpc") as ticket:
            try:
                ticket.hold(len(body))
                ticket.arrive()
                remaining = context.time_remaining()
                if remaining is not None:
                    ticket.limit_to(remaining)
                context.add_callback(ticket.abandon)
                message = _parsed(oip.ModelInferRequest, body)
                self._plane.require_known(message.model_name, message.model_version)

                def decode(manifest: Manifest) -> InferRequest:
                    return decode_infer(message, manifest.inputs, manifest.outputs)

                request, results = self._plane.infer_blocking(decode, ticket)
                answer = encode_infer(message.model_name, VERSION, request, results)
            except RequestError as error:
                ticket.code = STATUS_CODES[type(error)].name
                raise
            except Exception as error:
                _log.exception("a request failed for a reason that is not its own")
                ticket.code = grpc.StatusCode.INTERNAL.name
                raise InferenceFailedError("internal error; the server's log has the reason") from error
            ticket.code = grpc.StatusCode.OK.name
            return answer

    def _server_live(self, body: bytes) -> Message:
        return oip.ServerLiveResponse(live=self._plane.live)

    def _server_ready(self, body: bytes) -> Message:
        return oip.ServerReadyResponse(ready=self._plane.ready)

    def _model_ready(self, body: bytes) -> Message:
        asked = _parsed(oip.ModelReadyRequest, body)
        self._plane.require_known(asked.name, asked.version)
        return oip.ModelReadyResponse(ready=self._plane.ready)

    def _server_metadata(self, body: bytes) -> Message:
        return ParseDict(describe_server(), oip.ServerMetadataResponse())

    def _model_metadata(self, body: bytes) -> Message:
        asked = _parsed(oip.ModelMetadataRequest, body)
        model = self._plane.find(asked.name, asked.version)
        return ParseDict(describe_model(model.name, model.artifact.manifest), oip.ModelMetadataResponse())

    def _model_config(self, body: bytes) -> Message:
        asked = _parsed(oip.ModelConfigRequest, body)
        model = self._plane.find(asked.name, asked.version)
        config = describe_config(model.name, model.artifact.manifest, batch_max_size=self._plane.batch_max_size)
        return ParseDict({"config": config}, oip.ModelConfigResponse())

    def _model_statistics(self, body: bytes) -> Message:
        asked = _parsed(oip.ModelStatisticsRequest, body)
        if asked.name:
            self._plane.find(asked.name, asked.version)
        return ParseDict(
            describe_statistics(self._plane.model_name, self._plane.statistics), oip.ModelStatisticsResponse()
        )

    def _repository_index(self, body: bytes) -> Message:
        asked = _parsed(oip.RepositoryIndexRequest, body)
        index = describe_index(self._plane.model_name, ready=self._plane.ready, only_ready=asked.ready)
        return ParseDict({"models": index}, oip.RepositoryIndexResponse())


def _answering(method: Callable[[bytes], Message]) -> Callable[[bytes, Context], bytes]:
    def answer(body: bytes, context: Context) -> bytes:
        try:
            return method(body).SerializeToString()
        except RequestError as error:
            _abort(context, error)

    return answer


def _parsed(kind: type[M], body: bytes) -> M:
    try:
        return kind.FromString(body)
    except DecodeError:
        raise InvalidRequestError(f"the request is not a {kind.DESCRIPTOR.name}") from None


def _abort(context: Context, error: RequestError) -> Never:
    if isinstance(error, OverloadedError):
        context.set_trailing_metadata(((_PUSHBACK, str(error.retry_after * 1000)),))
    context.abort(STATUS_CODES[type(error)], str(error))
