from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from slipway_operator.metrics_api.certificates import (
    Lifetimes,
    Material,
    Step,
    expires_at,
    next_step,
    split_bundle,
    take_step,
)
from slipway_operator.metrics_api.tls_secret import format_material, parse_material

NAMES = ("slipway-metrics-api.slipway.svc",)
START = datetime(2026, 1, 1, tzinfo=UTC)
LIFETIMES = Lifetimes()
DAY = timedelta(days=1)


@pytest.fixture
def first():
    return take_step(Step.START_OVER, None, NAMES, START, LIFETIMES)


def due(material, now, names=NAMES):
    return next_step(material, names, now, LIFETIMES)


def signer(material):
    """Index in the bundle of the CA whose key signed the leaf."""
    leaf = x509.load_pem_x509_certificate(material.leaf)
    for index, ca in enumerate(material.cas):
        try:
            leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(ca))
        except ValueError:
            continue
        return index
    raise AssertionError("no CA of the bundle signed the leaf")


def test_nothing_yet_is_made_and_then_left_alone(first):
    assert due(None, START) is Step.START_OVER
    assert due(first, START) is Step.NONE
    assert signer(first) == 0


def test_the_leaf_is_renewed_with_a_third_of_its_life_left(first):
    assert due(first, START + 19 * DAY) is Step.NONE
    assert due(first, START + 20 * DAY) is Step.NEW_LEAF
    renewed = take_step(Step.NEW_LEAF, first, NAMES, START + 20 * DAY, LIFETIMES)
    assert renewed.cas == first.cas
    assert expires_at(renewed.leaf) == START + 50 * DAY


def test_three_years_of_rotation_never_break_the_chain(first):
    """Each day one look; whatever serves is signed by a CA that was in the bundle nine days before it signed."""
    material, now, bundles = first, START, {START: set(first.cas)}
    steps = set()
    for _ in range(3 * 365):
        now += DAY
        before = material
        step = due(material, now)
        if step is not Step.NONE:
            steps.add(step)
            material = take_step(step, material, NAMES, now, LIFETIMES)
        bundles[now] = set(material.cas)
        assert expires_at(material.leaf) > now
        if material.leaf != before.leaf:
            assert material.cas[signer(material)] in bundles[max(START, now - 9 * DAY)]
    assert steps == {Step.NEW_LEAF, Step.NEW_CA, Step.DROP_OLD_CA}
    assert len(material.cas) <= 2


def test_a_ca_that_is_due_waits_for_a_fresh_leaf(first):
    late = START + 300 * DAY
    leafed = take_step(Step.NEW_LEAF, first, NAMES, late - 15 * DAY, LIFETIMES)
    assert due(leafed, late) is Step.NEW_LEAF
    leafed = take_step(Step.NEW_LEAF, first, NAMES, late, LIFETIMES)
    assert due(leafed, late) is Step.NEW_CA
    rotated = take_step(Step.NEW_CA, leafed, NAMES, late, LIFETIMES)
    assert rotated.leaf == leafed.leaf
    assert signer(rotated) == 1
    assert due(rotated, late) is Step.NONE


@pytest.mark.parametrize("field", ["ca_key", "leaf_key", "leaf"])
def test_a_damaged_secret_starts_over(first, field):
    other = take_step(Step.START_OVER, None, NAMES, START, LIFETIMES)
    values = {name: getattr(first, name) for name in ("cas", "ca_key", "leaf", "leaf_key")}
    assert due(Material(**values | {field: getattr(other, field)}), START) is Step.START_OVER
    assert due(Material(**values | {field: b"no PEM"}), START) is Step.START_OVER


def test_another_service_name_starts_over(first):
    assert due(first, START, names=("other.slipway.svc",)) is Step.START_OVER


def test_an_expired_leaf_starts_over(first):
    assert due(first, START + 31 * DAY) is Step.START_OVER


def test_a_secret_gives_back_what_was_put_in(first):
    rotated = take_step(Step.NEW_CA, first, NAMES, START, LIFETIMES)
    assert parse_material({"data": format_material(rotated)}) == rotated
    assert split_bundle(rotated.bundle) == rotated.cas


@pytest.mark.parametrize("data", [None, {}, {"tls.crt": "bm90IFBFTQ=="}, {"ca.crt": "%%%"}])
def test_an_empty_or_foreign_secret_holds_nothing(data):
    assert parse_material({"data": data}) is None
