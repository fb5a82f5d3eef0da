"""What the cluster finds out about a machine before it changes anything: ranges, name servers, mounts, firewalls."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest
from slipway_cluster.errors import ClusterError
from slipway_cluster.firewall import Chain, dropping_chains, own_rules
from slipway_cluster.mounts import mount_points_below
from slipway_cluster.network import CANDIDATES, choose_addresses, reachable_nameservers


def test_an_unused_machine_gets_the_usual_ranges() -> None:
    addresses = choose_addresses([IPv4Network("192.0.2.0/24")])

    assert (addresses.node, addresses.api_service, addresses.dns) == ("10.244.0.1", "10.96.0.1", "10.96.0.10")


@pytest.mark.parametrize("taken", ["10.96.12.0/24", "10.244.0.0/16", "10.0.0.0/8"])
def test_ranges_that_the_machine_routes_already_are_left_alone(taken: str) -> None:
    addresses = choose_addresses([IPv4Network(taken)])

    assert not addresses.pods.overlaps(IPv4Network(taken))
    assert not addresses.services.overlaps(IPv4Network(taken))


def test_a_machine_that_routes_everything_is_refused_with_the_ranges_that_were_tried() -> None:
    with pytest.raises(ClusterError, match=CANDIDATES[0][0]):
        choose_addresses([IPv4Network("0.0.0.0/1"), IPv4Network("128.0.0.0/1")])


def test_pods_get_no_nameserver_of_the_loopback() -> None:
    resolv_conf = (
        "search example.org\nnameserver 127.0.0.53\nnameserver 192.0.2.53\nnameserver ::1\nnameserver fe80::1%eth0\n"
    )

    assert reachable_nameservers(resolv_conf) == ["192.0.2.53", "fe80::1%eth0"]


def test_mounts_come_in_the_order_in_which_they_can_be_unmounted() -> None:
    mountinfo = "\n".join(
        [
            "22 27 0:21 / / rw - ext4 /dev/vda rw",
            "30 22 0:5 /clone/state /run/slipway-cluster/state rw - ext4 /dev/vda rw",
            "31 30 0:6 / /run/slipway-cluster/state/pods/a\\040b rw - tmpfs tmpfs rw",
            "32 22 0:7 / /run/slipway-cluster-of-another rw - tmpfs tmpfs rw",
        ]
    )

    assert mount_points_below((Path("/run/slipway-cluster"),), mountinfo) == [
        Path("/run/slipway-cluster/state/pods/a b"),
        Path("/run/slipway-cluster/state"),
    ]


def test_only_chains_that_drop_our_packets_get_a_rule() -> None:
    def chain(name: str, hook: str, policy: str, family: str = "ip") -> dict[str, dict[str, str]]:
        return {"chain": {"family": family, "table": "filter", "name": name, "hook": hook, "policy": policy}}

    listed = [
        {"metainfo": {"version": "1.0.6"}},
        chain("FORWARD", "forward", "drop"),
        chain("INPUT", "input", "accept"),
        chain("OUTPUT", "output", "drop"),
        chain("forward6", "forward", "drop", family="ip6"),
        {"chain": {"family": "ip", "table": "filter", "name": "DOCKER-USER"}},
    ]

    assert dropping_chains(listed) == [Chain("ip", "filter", "FORWARD")]


def test_our_rules_are_found_by_their_comment() -> None:
    rule = {"family": "ip", "table": "filter", "chain": "FORWARD", "handle": 7}
    listed = [{"rule": {**rule, "comment": "slipway-cluster"}}, {"rule": {**rule, "handle": 8, "comment": "docker"}}]

    assert own_rules(listed) == [(Chain("ip", "filter", "FORWARD"), 7)]
