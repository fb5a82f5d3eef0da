"""What a library prints while it is silenced does not come out later either."""

import subprocess
import sys

PROGRAM = """
import os
from slipway_optimizer.standard_output import without_output

print("before")
with without_output():
    print("from Python")
    os.write(1, b"from C++")
print("after")
"""


def test_nothing_that_was_printed_meanwhile_is_seen():
    # In a process of its own: only there is standard output a pipe, which Python buffers.
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["before", "after"]
