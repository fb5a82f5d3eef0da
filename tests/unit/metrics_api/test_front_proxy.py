import json

import pytest

from slipway_operator.metrics_api.front_proxy import Unauthenticated, authenticate, parse_front_proxy


def config_map(**changes):
    data = {
        "requestheader-client-ca-file": "PEM",
        "requestheader-allowed-names": '["front-proxy-client"]',
        "requestheader-username-headers": '["X-Remote-User"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
        "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
    }
    return {"data": data | {key.replace("_", "-"): value for key, value in changes.items()}}


PROXY = parse_front_proxy(config_map())
PEER = {"subject": ((("organizationName", "x"),), (("commonName", "front-proxy-client"),))}
HEADERS = [("X-Remote-User", "jane"), ("X-Remote-Group", "dev"), ("x-remote-group", "ml"), ("Accept", "*/*")]


def test_the_user_that_the_proxy_speaks_for():
    user = authenticate(PROXY, PEER, HEADERS)
    assert user.name == "jane"
    assert user.groups == ("dev", "ml", "system:authenticated")


def test_extra_fields_are_kept_for_the_review():
    headers = [
        *HEADERS,
        ("X-Remote-Extra-Scopes", "a"),
        ("X-Remote-Extra-Scopes", "b"),
        ("X-Remote-Extra-Acme%2fid", "7"),
    ]
    assert authenticate(PROXY, PEER, headers).extra == (("acme/id", ("7",)), ("scopes", ("a", "b")))


def test_an_anonymous_user_stays_unauthenticated():
    headers = [("X-Remote-User", "system:anonymous"), ("X-Remote-Group", "system:unauthenticated")]
    assert authenticate(PROXY, PEER, headers).groups == ("system:unauthenticated",)


@pytest.mark.parametrize("peer", [None, {}])
def test_headers_without_a_certificate_are_nobody(peer):
    with pytest.raises(Unauthenticated, match="aggregation layer"):
        authenticate(PROXY, peer, HEADERS)


def test_another_certificate_of_the_same_ca_is_nobody():
    peer = {"subject": ((("commonName", "somebody"),),)}
    with pytest.raises(Unauthenticated, match="somebody"):
        authenticate(PROXY, peer, HEADERS)


@pytest.mark.parametrize("names", ["[]", ""])
def test_without_allowed_names_any_certificate_of_the_ca_will_do(names):
    proxy = parse_front_proxy(config_map(requestheader_allowed_names=names))
    assert authenticate(proxy, {"subject": ((("commonName", "any"),),)}, HEADERS).name == "jane"


def test_a_proxy_that_names_nobody_is_refused():
    with pytest.raises(Unauthenticated, match="no user"):
        authenticate(PROXY, PEER, [("X-Remote-Group", "dev")])


def test_headers_are_called_as_the_cluster_says():
    proxy = parse_front_proxy(config_map(requestheader_username_headers=json.dumps(["X-User"])))
    assert authenticate(proxy, PEER, [("x-user", "jane")]).name == "jane"


def test_a_cluster_without_aggregation_says_what_to_do():
    with pytest.raises(ValueError, match="--requestheader-client-ca-file"):
        parse_front_proxy({"data": {"client-ca-file": "PEM"}})
