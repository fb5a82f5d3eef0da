"""Certificates that live for seconds, so that a test sees years of rotation while the API server goes on asking."""

import ssl
from base64 import b64decode

import pytest
from support import cluster
from support.custom_metrics_group import api_service
from support.metrics_api_process import serving

from slipway_operator.metrics_api.certificates import split_bundle

pytestmark = pytest.mark.cluster


def test_certificate_and_ca_rotate_without_one_failed_request(installation, model):
    leaves, cas, failures = set(), set(), []
    model.pod.load = 2
    model.become_ready()
    with serving(installation, "--leaf-lifetime=20", "--ca-lifetime=60") as replica:
        cluster.wait_for(lambda: model.read_metric()[0])

        def has_rotated_twice() -> bool:
            known, text = model.read_metric()
            if not known:
                failures.append(text)
            leaves.add(ssl.get_server_certificate(("127.0.0.1", replica.https_port)))
            cas.update(split_bundle(b64decode(api_service()["spec"]["caBundle"])))
            return len(cas) >= 3 and len(leaves) >= 6

        cluster.wait_for(has_rotated_twice)
    assert not failures
