"""The OCI registry that the node pulls from: a host process on 127.0.0.1; its images outlive the cluster."""

import json

import yaml

from slipway_cluster import process
from slipway_cluster.node_settings import NodeSettings
from slipway_cluster.record import Record

PREFERRED_PORT = 5000


def start(settings: NodeSettings, record: Record) -> process.Component:
    layout = settings.layout
    layout.registry.mkdir(exist_ok=True)
    file = layout.config / "registry.yaml"
    content = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(layout.registry)}, "delete": {"enabled": True}},
        "http": {"addr": settings.registry_address},
    }
    file.write_text(yaml.safe_dump(content))
    argv = [str(layout.bin / "registry"), "serve", str(file)]
    component = process.start("registry", argv, layout.logs, record, {"OTEL_TRACES_EXPORTER": "none"})
    addresses = {"name": settings.registry_name, "push": settings.registry_address}
    layout.registry_file.write_text(json.dumps(addresses, indent=2) + "\n")
    return component
