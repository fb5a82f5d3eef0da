import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from support.waiting import eventually

from slipway_serving.batch import run_batch, take_batch
from slipway_serving.batcher import Batcher
from slipway_serving.errors import InvalidRequestError
from slipway_serving.waiting import Arrays, Waiting


class GatedModel:
    """y = 2x. A run waits for `gate`, refuses rows with a negative value, and is remembered by its rows."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.runs: list[int] = []
        self.concurrent = 0
        self.most_concurrent = 0

    def run(self, inputs: Arrays) -> Arrays:
        self.concurrent += 1
        self.most_concurrent = max(self.most_concurrent, self.concurrent)
        assert self.gate.wait(timeout=30)
        self.concurrent -= 1
        self.runs.append(inputs["x"].shape[0])
        if (inputs["x"] < 0).any():
            raise InvalidRequestError("negative")
        return {"y": inputs["x"] * 2}


@pytest.fixture
def model() -> Iterator[GatedModel]:
    model = GatedModel()
    yield model
    model.gate.set()


def rows(*values: float, width: int = 2) -> Arrays:
    return {"x": np.repeat(np.array(values, dtype=np.float32)[:, None], width, axis=1)}


async def submit(batcher: Batcher, *requests: Arrays) -> list[Any]:
    return await asyncio.gather(*(batcher.submit(request) for request in requests), return_exceptions=True)


async def queued_behind_a_run(batcher: Batcher, model: GatedModel, *requests: Arrays) -> list[Any]:
    """Submit while the session is busy with another request, and let it go on once all of them wait."""
    model.gate.clear()
    first = asyncio.create_task(batcher.submit(rows(0)))
    await eventually(lambda: batcher.running > 0)
    others = asyncio.create_task(submit(batcher, *requests))
    await eventually(lambda: batcher.depth == len(requests))
    model.gate.set()
    await first
    return await others


async def test_an_idle_server_runs_a_request_at_once_and_alone(model: GatedModel) -> None:
    batcher = Batcher(model.run, max_size=32, max_delay=3600)
    for value in (1.0, 2.0, 3.0):
        assert (await batcher.submit(rows(value)))["y"].tolist() == [[value * 2] * 2]
    assert model.runs == [1, 1, 1]


async def test_requests_that_wait_share_a_run_and_each_gets_its_own_rows(model: GatedModel) -> None:
    batcher = Batcher(model.run, max_size=32)
    answers = await queued_behind_a_run(batcher, model, rows(1), rows(2, 3), rows(4))
    assert [answer["y"][:, 0].tolist() for answer in answers] == [[2.0], [4.0, 6.0], [8.0]]
    assert model.runs == [1, 4]


async def test_a_batch_has_no_more_rows_than_it_may(model: GatedModel) -> None:
    batcher = Batcher(model.run, max_size=3)
    answers = await queued_behind_a_run(batcher, model, rows(0, 0), rows(1, 1), rows(2, 2), rows(9))
    assert [answer["y"][0, 0] for answer in answers] == [0, 2, 4, 18]
    assert model.runs == [1, 3, 2, 2]


async def test_without_batching_every_request_runs_alone(model: GatedModel) -> None:
    batcher = Batcher(model.run, max_size=1)
    await queued_behind_a_run(batcher, model, rows(1), rows(2), rows(3, 4))
    assert model.runs == [1, 1, 1, 2]


async def test_requests_of_different_shapes_are_not_joined(model: GatedModel) -> None:
    batcher = Batcher(model.run, max_size=32)
    answers = await queued_behind_a_run(batcher, model, rows(1), rows(2, width=5), rows(3))
    assert [answer["y"].shape for answer in answers] == [(1, 2), (1, 5), (1, 2)]
    assert model.runs == [1, 2, 1]


async def test_a_request_that_fails_takes_no_neighbour_with_it(model: GatedModel) -> None:
    batcher = Batcher(model.run, max_size=32)
    good, bad, fine = await queued_behind_a_run(batcher, model, rows(1), rows(-1), rows(2))
    assert good["y"][0, 0] == 2
    assert isinstance(bad, InvalidRequestError)
    assert fine["y"][0, 0] == 4
    assert model.runs == [1, 3, 1, 2, 1, 1]


async def test_only_one_run_at_a_time(model: GatedModel) -> None:
    batcher = Batcher(model.run, max_size=2)
    await submit(batcher, *(rows(value) for value in range(50)))
    assert model.most_concurrent == 1
    assert sum(model.runs) == 50


async def test_a_run_that_breaks_in_an_unforeseen_way_answers_and_the_next_one_works(model: GatedModel) -> None:
    batcher = Batcher(model.run, max_size=1)
    with pytest.raises(KeyError):
        await batcher.submit({"z": np.zeros((1, 1), dtype=np.float32)})
    assert (await batcher.submit(rows(1)))["y"][0, 0] == 2


async def test_a_caller_that_gives_up_hurts_nobody(model: GatedModel) -> None:
    batcher = Batcher(model.run, max_size=4)
    model.gate.clear()
    gone = asyncio.create_task(batcher.submit(rows(1)))
    await eventually(lambda: batcher.running > 0)
    stays = asyncio.create_task(batcher.submit(rows(2)))
    await eventually(lambda: batcher.depth > 0)
    gone.cancel()
    model.gate.set()
    assert (await stays)["y"][0, 0] == 4


async def test_behind_a_larger_batch_several_are_held_back_until_company_comes(model: GatedModel) -> None:
    batcher = Batcher(model.run, max_size=32, max_delay=3600)
    held = await held_back_behind_three(batcher, model)
    assert (await batcher.submit(rows(6)))["y"][0, 0] == 12
    assert [answer["y"][0, 0] for answer in await held] == [8, 10]
    assert model.runs == [3, 3]


async def test_several_are_not_held_back_for_longer_than_they_may_be(model: GatedModel) -> None:
    batcher = Batcher(model.run, max_size=32, max_delay=0.05)
    held = await held_back_behind_three(batcher, model)
    assert [answer["y"][0, 0] for answer in await held] == [8, 10]
    assert model.runs == [3, 2]


async def test_one_alone_is_not_held_back_even_behind_a_larger_batch(model: GatedModel) -> None:
    batcher = Batcher(model.run, max_size=32, max_delay=3600)
    model.gate.clear()
    several = asyncio.create_task(submit(batcher, rows(1), rows(2), rows(3)))
    await eventually(lambda: batcher.running == 3)
    late = asyncio.create_task(batcher.submit(rows(4)))
    await eventually(lambda: batcher.depth > 0)
    model.gate.set()
    await several
    assert (await late)["y"][0, 0] == 8
    assert model.runs == [3, 1]


async def held_back_behind_three(batcher: Batcher, model: GatedModel) -> "asyncio.Task[list[Any]]":
    model.gate.clear()
    several = asyncio.create_task(submit(batcher, rows(1), rows(2), rows(3)))
    await eventually(lambda: batcher.running == 3)
    held = asyncio.create_task(submit(batcher, rows(4), rows(5)))
    await eventually(lambda: batcher.depth == 2)
    model.gate.set()
    await several
    return held


async def test_every_run_is_observed_with_its_rows(model: GatedModel) -> None:
    observed: list[int] = []
    batcher = Batcher(model.run, max_size=32, observe=lambda rows, _: observed.append(rows))
    await queued_behind_a_run(batcher, model, rows(1), rows(2, 3))
    assert observed == [1, 3]


def waiting(inputs: Arrays) -> Waiting:
    return Waiting(inputs, None, 0.0)


def test_the_oldest_request_always_goes_and_the_order_of_the_others_stays() -> None:
    queue = deque([waiting(rows(1, width=9)), waiting(rows(2)), waiting(rows(3, width=9)), waiting(rows(4))])
    assert [one.inputs["x"][0, 0] for one in take_batch(queue, 8)] == [1, 3]
    assert [one.inputs["x"][0, 0] for one in queue] == [2, 4]


def test_a_request_with_more_rows_than_a_batch_may_have_runs_alone() -> None:
    queue = deque([waiting(rows(1, 2, 3)), waiting(rows(4))])
    assert len(take_batch(queue, 2)) == 1


@pytest.mark.parametrize("answer", [{"y": np.zeros(3)}, {"y": np.zeros(())}])
def test_a_model_that_does_not_answer_row_by_row_is_run_one_by_one(answer: Arrays) -> None:
    batch = [waiting(rows(1)), waiting(rows(2))]
    runs: list[int] = []

    def run(inputs: Arrays) -> Arrays:
        runs.append(inputs["x"].shape[0])
        return answer if inputs["x"].shape[0] == 2 else {"y": inputs["x"]}

    outcomes = run_batch(run, batch, lambda rows, seconds: None)
    assert [outcome["y"][0, 0] for outcome in outcomes if isinstance(outcome, dict)] == [1, 2]
    assert runs == [2, 1, 1]
