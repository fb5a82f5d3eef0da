"""The digit CNN that example 02 trains, in example 03's deployment: a student, and channels cut out of both."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).parents[3] / "examples"
BUCKET = "s3://models/digits/"


def prepare(folder: Path) -> dict[str, Any]:
    """Train the original, and leave everything that example 03 uploads in the folder."""
    for script in ("02-mnist-cnn/train.py", "03-distill-and-prune/more_digits.py"):
        subprocess.run([sys.executable, str(EXAMPLES / script), str(folder)], check=True, timeout=600)
    shutil.copy(EXAMPLES / "03-distill-and-prune/student.py", folder)
    return example(folder)


def example(folder: Path) -> dict[str, Any]:
    """Example 03's deployment, with its sources in a local folder."""
    text = (EXAMPLES / "03-distill-and-prune/modeldeployment.yaml").read_text()
    document: dict[str, Any] = _on_disk(yaml.safe_load(text), folder)
    return document


def _on_disk(value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [_on_disk(item, folder) for item in value]
    if not isinstance(value, dict):
        return value
    if str(value.get("uri", "")).startswith(BUCKET):
        return {"uri": (folder / value["uri"].removeprefix(BUCKET)).resolve().as_uri()}
    return {key: _on_disk(item, folder) for key, item in value.items()}
