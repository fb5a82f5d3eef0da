"""Requests, limits, and what they mean for the threads of the runtime."""

import pytest

from slipway_operator.api.v1alpha1 import Resources
from slipway_operator.objects.resources import build_resources, whole_cpus


@pytest.mark.parametrize(
    ("quantity", "threads"),
    [
        (None, 0),
        (4, 4),
        ("2", 2),
        ("100m", 1),
        ("1500m", 2),
        ("2000m", 2),
        ("0.5", 1),
        (".5", 1),
        ("100u", 1),
        ("64e0", 64),
        ("1k", 1000),
        ("2Ki", 2048),
        ("many", 0),
    ],
)
def test_threads_are_whole(quantity, threads):
    assert whole_cpus(quantity) == threads


@pytest.mark.parametrize(
    ("given", "built"),
    [
        ({}, {"requests": {"cpu": "100m", "memory": "1Gi"}}),
        ({"requests": {"cpu": 2}}, {"requests": {"cpu": "2", "memory": "1Gi"}}),
        # A default request above the user's limit would be refused by the API server.
        ({"limits": {"memory": "256Mi"}}, {"requests": {"cpu": "100m"}, "limits": {"memory": "256Mi"}}),
        (
            {"requests": {"memory": "128Mi"}, "limits": {"memory": "256Mi", "cpu": "1"}},
            {"requests": {"memory": "128Mi"}, "limits": {"memory": "256Mi", "cpu": "1"}},
        ),
    ],
)
def test_small_requests_where_the_user_names_none(given, built):
    assert build_resources(Resources.model_validate(given), {"cpu": "100m", "memory": "1Gi"}) == built
