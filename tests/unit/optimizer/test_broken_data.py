"""Files with bytes changed or cut off: read, or refused in a sentence, and never anything else."""

import io
import json
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from slipway_optimizer.data import read_data
from slipway_optimizer.errors import UserError
from slipway_optimizer.spec import ModelSpec

ROWS = np.random.default_rng(0).random((6, 4, 4))
TENSOR = {"name": "x", "shape": ["batch", 4, 4]}
PICTURE = {"name": "x", "shape": ["batch", 3, 4, 4], "image": {}}
IDS = {"name": "x", "dtype": "int64", "shape": ["batch", "length"]}


def packed(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def table(**columns):
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def pictures():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for kind in ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP"):
            picture = io.BytesIO()
            Image.fromarray((ROWS[0] * 255).astype(np.uint8)).convert("RGB").save(picture, kind)
            archive.writestr(f"{kind}/1", picture.getvalue())
    return file.getvalue()


KINDS = {
    "npz": (TENSOR, packed(x=ROWS, labels=np.arange(6))),
    "parquet": (TENSOR, table(x=ROWS.tolist(), labels=list(range(6)))),
    "parquet of unequal rows": (IDS, table(x=[[1, 2], [3], [4, 5, 6]], labels=[0, 1, 2])),
    "json lines": (TENSOR, "".join(json.dumps({"x": row}) + "\n" for row in ROWS.tolist()).encode()),
    "pictures": (PICTURE, pictures()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_broken_files_are_refused(tmp_path, kind):
    declared, content = KINDS[kind]
    spec = {"source": {"uri": "file:///net.onnx"}, "inputs": [declared], "outputs": [{"name": "y"}]}
    inputs = ModelSpec.model_validate(spec).inputs
    random = np.random.default_rng(0)
    path, refused, read = tmp_path / "data", 0, 0
    path.write_bytes(content)
    assert read_data(path, inputs).rows >= 3
    for _ in range(150):
        broken = bytearray(content[: random.integers(1, len(content))] if random.random() < 0.3 else content)
        for position in random.integers(0, len(broken), size=random.integers(1, 5)):
            broken[position] = random.integers(0, 256)
        path.write_bytes(broken)
        try:
            data = read_data(path, inputs)
        except UserError as error:
            refused += error.reason == "DataInvalid"
        else:
            assert len(data.row_digests()) == sum(len(batch.rows) for batch in data.batches())
            read += 1
    assert refused + read == 150
    assert refused > 75
