"""Clients that stop halfway are cut, and nobody else notices."""

import asyncio
import contextlib
import socket
from pathlib import Path

import httpx
import numpy as np
from onnx import TensorProto, helper
from support.artifacts import build_model, tensor, write_artifact
from support.serving import scrape, serving
from support.waiting import wait_until

BODY_TO_COME = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n[[1"
HEAD_TO_COME = b"POST /predict HTTP/1.1\r\nhost:"


async def test_a_request_that_does_not_arrive_is_cut_and_takes_nobodys_place(mlp_folder: Path, log: Path) -> None:
    with serving(mlp_folder, log, SLIPWAY_RECEIVE_TIMEOUT="1s", SLIPWAY_QUEUE_SIZE="1") as url:
        port = int(url.rsplit(":", 1)[1])
        slow = []
        for beginning in (BODY_TO_COME, BODY_TO_COME, HEAD_TO_COME, b""):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(beginning)
            slow.append((reader, writer))
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.post("/predict", json=[[1.0] * 64])).status_code == 200
            for reader, writer in slow:
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""
                writer.close()
            assert (await client.post("/predict", json=[[1.0] * 64])).status_code == 200
        assert (await asyncio.to_thread(scrape, url))["slipway_requests_in_flight"] == 0


async def test_a_client_that_does_not_read_its_answer_is_cut(tmp_path: Path, log: Path) -> None:
    repeat = build_model(
        [helper.make_node("Expand", ["x", "shape"], ["y"])],
        [tensor("x", TensorProto.FLOAT, [1]), tensor("shape", TensorProto.INT64, [1])],
        [tensor("y", TensorProto.FLOAT, ["n"])],
    )
    write_artifact(
        tmp_path / "repeat",
        repeat,
        golden_inputs={"x": np.ones(1, np.float32), "shape": np.array([2], np.int64)},
    )
    with serving(tmp_path / "repeat", log, SLIPWAY_SEND_TIMEOUT="1s") as url:
        body = b'{"x":[1.5],"shape":[8000000]}'
        with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1]))) as client:
            client.sendall(b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            await asyncio.to_thread(wait_until, lambda: '"waitedFor": "sending"' in log.read_text())
        assert (await asyncio.to_thread(scrape, url))["slipway_requests_in_flight"] == 0
