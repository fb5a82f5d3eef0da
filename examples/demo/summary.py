"""The figures of a demo run, as measured."""

from typing import Any

from demo.traffic import Scaling


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def milliseconds(measured: dict[str, Any]) -> str:
    microseconds = measured.get("latencyMicroseconds")
    return "not measured" if microseconds is None else f"{microseconds / 1000:.1f} ms"


def print_summary(model: dict[str, Any], apply_to_ready: float, scaling: Scaling, digits_accuracy: float) -> None:
    status = model["status"]
    artifact = status["artifact"]
    reference = artifact["reference"]
    rows = {
        "model": f"{model['metadata']['name']}, served as {artifact['variant']}",
        "why": artifact["reason"],
        "size": f"{megabytes(reference['sizeBytes'])} checkpoint -> {megabytes(artifact['sizeBytes'])} ONNX",
        "latency, batch 1": f"{milliseconds(reference)} PyTorch -> {milliseconds(artifact['measured'])} ONNX Runtime",
        "runs on": status.get("executionProvider", "unknown"),
        "apply to Ready": f"{apply_to_ready:.0f} s",
        "replicas": " -> ".join(f"{count} at {at:.0f} s" for at, count in scaling.replicas),
        "traffic": ", ".join(f"{key} {value}" for key, value in scaling.summary.items()),
        "digits": f"{digits_accuracy:.1%} right",
        "url": status["url"],
    }
    print("\n== Summary")
    for name, value in rows.items():
        print(f"{name:<18} {value}")
