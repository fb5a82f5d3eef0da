"""What a gRPC client hears when its request cannot be answered: the code says whether to try again, and when not to."""

import queue
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc
from support.serving import ServingProcess
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

ROW = np.ones((1, 4), np.float32)


def input_of(values: Any) -> Any:
    tensor = tritonclient.grpc.InferInput("x", list(values.shape), "FP32")
    tensor.set_data_from_numpy(values)
    return tensor


def code_of(error: InferenceServerException) -> str:
    return error.status().removeprefix("StatusCode.")


def test_who_is_one_too_many_is_told_to_come_back(sluggish_folder: Path, log: Path) -> None:
    heard: queue.Queue[Any] = queue.Queue()
    with ServingProcess(sluggish_folder, log, {"SLIPWAY_QUEUE_SIZE": "1"}) as server:
        server.wait_ready()
        with tritonclient.grpc.InferenceServerClient(server.grpc_target) as client:
            for _ in range(12):
                client.async_infer("sluggish", [input_of(ROW)], callback=lambda result, error: heard.put(error))
            errors = [heard.get(timeout=120) for _ in range(12)]
    refused = [error for error in errors if error is not None]
    assert 0 < len(refused) < 12
    assert {code_of(error) for error in refused} == {"RESOURCE_EXHAUSTED"}
    assert "try again" in refused[0].message()


def test_a_request_whose_time_is_over_costs_no_run(sluggish_folder: Path, log: Path) -> None:
    with ServingProcess(sluggish_folder, log) as server:
        server.wait_ready()
        with tritonclient.grpc.InferenceServerClient(server.grpc_target) as client:
            with pytest.raises(InferenceServerException) as caught:
                client.infer("sluggish", [input_of(ROW)], timeout=1)
            assert code_of(caught.value) == "DEADLINE_EXCEEDED"
            assert client.get_inference_statistics("sluggish").model_stats[0].execution_count == 0


def test_a_message_that_is_too_large(mlp_folder: Path, log: Path) -> None:
    with ServingProcess(mlp_folder, log, {"SLIPWAY_MAX_REQUEST_BYTES": "2000"}) as server:
        server.wait_ready()
        with tritonclient.grpc.InferenceServerClient(server.grpc_target) as client:
            with pytest.raises(InferenceServerException) as caught:
                client.infer("mlp", [input_of(np.ones((100, 64), np.float32))])
            assert code_of(caught.value) == "RESOURCE_EXHAUSTED"
            assert client.infer("mlp", [input_of(np.ones((1, 64), np.float32))]).as_numpy("logits").shape == (1, 10)


def test_raw_and_typed_contents_do_not_mix(mlp_folder: Path, log: Path) -> None:
    with ServingProcess(mlp_folder, log) as server:
        server.wait_ready()
        request = service_pb2.ModelInferRequest(model_name="mlp", raw_input_contents=[bytes(256)])
        tensor = request.inputs.add(name="x", datatype="FP32", shape=[1, 64])
        tensor.contents.fp32_contents.extend([0.0] * 64)
        with grpc.insecure_channel(server.grpc_target) as channel:
            infer = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
            with pytest.raises(grpc.RpcError) as caught:
                infer(request.SerializeToString(), timeout=60)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
