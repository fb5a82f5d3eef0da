"""Memory while a large source is downloaded: what its client needs, and nothing for the file."""

import json
import os
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler

import pytest
from support.http_server import Quiet, http_server

WEB_BYTES = 300 << 20
# Less: the upload takes longer than what is tested.
BUCKET_BYTES = 100 << 20
ALLOWED = 60 << 20

# The small file brings in everything that is imported on the first use.
PROGRAM = """
import json, re, sys
from pathlib import Path
from slipway_optimizer.sources.fetch import fetch
from slipway_optimizer.spec import Source

def peak():
    # Not ru_maxrss: that begins with what the parent had.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

small, large, folder = sys.argv[1:]
fetch(Source(uri=small), "model.source", Path(folder), lambda done, size: None)
before = peak()
fetched = fetch(Source(uri=large), "model.source", Path(folder), lambda done, size: None)
print(json.dumps({"bytes": fetched.path.stat().st_size, "grown": peak() - before}))
"""


class Files(Quiet, SimpleHTTPRequestHandler):
    """Serves a folder."""


def write_files(folder, size):
    folder.mkdir()
    (folder / "small").write_bytes(os.urandom(1 << 20))
    with (folder / "large").open("wb") as file:
        file.truncate(size)


@pytest.fixture
def web(tmp_path):
    write_files(tmp_path / "served", WEB_BYTES)
    with http_server() as server:
        server.RequestHandlerClass = partial(Files, directory=str(tmp_path / "served"))
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def bucket(s3, tmp_path, monkeypatch):
    for key, value in s3.environment.items():
        monkeypatch.setenv(key, value)
    write_files(tmp_path / "uploaded", BUCKET_BYTES)
    for name in ("small", "large"):
        uri = s3.upload(tmp_path / "uploaded" / name, f"memory/{name}")
    return uri.rsplit("/", 1)[0]


@pytest.mark.parametrize(("kind", "size"), [("web", WEB_BYTES), ("bucket", BUCKET_BYTES)])
def test_a_large_download_takes_no_memory(kind, size, request, tmp_path):
    root = request.getfixturevalue(kind)
    argv = [sys.executable, "-c", PROGRAM, f"{root}/small", f"{root}/large", str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=900, check=True)
    measured = json.loads(done.stdout)
    assert measured["bytes"] == size
    assert measured["grown"] < ALLOWED, f"{measured['grown'] / (1 << 20):.0f} MiB"
