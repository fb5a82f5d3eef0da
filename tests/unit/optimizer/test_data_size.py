"""Data larger than memory: it goes through in pieces, and where there is no room for it the Job says so at once."""

import json
import shutil
import tracemalloc
from collections import namedtuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.optimizer import model_spec

from slipway_optimizer.data import read_data
from slipway_optimizer.errors import InfrastructureError

MIB = 1 << 20
WIDTH = 1 << 18  # one float32 row is a MiB
INPUTS = model_spec({"x": ("float32", ["batch", WIDTH])}, ["y"]).inputs


def as_npz(folder, rows):
    np.savez_compressed(folder / "data", x=np.zeros((rows, WIDTH), np.float32))
    return folder / "data.npz"


def as_parquet(folder, rows):
    column = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(rows * WIDTH, np.float32)), WIDTH)
    pq.write_table(pa.table({"x": column}), folder / "data.parquet", row_group_size=8)
    return folder / "data.parquet"


@pytest.mark.parametrize("write", [as_npz, as_parquet])
def test_data_is_never_in_memory_as_a_whole(tmp_path, write):
    path = write(tmp_path, 128)
    assert path.stat().st_size < MIB
    pool = pa.default_memory_pool()
    before = pool.max_memory()
    tracemalloc.start()
    try:
        data = read_data(path, INPUTS)
        rows = sum(len(chunk["x"]) for chunk in data.chunks(4))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows == 128
    assert peak < 40 * MIB
    assert pool.max_memory() <= max(before, 80 * MIB)


def test_long_json_lines_come_one_by_one(tmp_path):
    line = json.dumps({"x": [0.5] * 1000, "labels": 1}) + "\n"
    (tmp_path / "data.jsonl").write_text(line * 500)
    tracemalloc.start()
    try:
        data = read_data(tmp_path / "data.jsonl", model_spec({"x": ("float32", ["batch", 1000])}, ["y"]).inputs)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert data.rows == 500
    assert peak < MIB / 2 < (tmp_path / "data.jsonl").stat().st_size / 4


@pytest.mark.parametrize("write", [as_npz, as_parquet])
def test_no_room_for_what_it_unpacks_to(tmp_path, monkeypatch, write):
    path = write(tmp_path, 16)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(99 * MIB, 84 * MIB, 15 * MIB))
    with pytest.raises(InfrastructureError, match="has 16 MiB, and 15 MiB are free") as caught:
        read_data(path, INPUTS)
    assert caught.value.reason == "DiskFull"
