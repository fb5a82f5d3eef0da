"""Packet rules of the node: a way out for pods, and a way past a machine's own firewall that drops by default."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from slipway_cluster.network import BRIDGE, Addresses
from slipway_cluster.run import run, succeeds

TABLE = "slipway-cluster"  # also the comment on our rules in tables of others
KUBE_PROXY_TABLES = (("ip", "kube-proxy"), ("ip6", "kube-proxy"))


@dataclass(frozen=True)
class Chain:
    """A chain of somebody else's table, in nft's words."""

    family: str
    table: str
    name: str


def create_rules(addresses: Addresses) -> None:
    run("nft", "-f", "-", stdin=way_out(addresses))
    for chain in dropping_chains(_listed("chains")):
        for direction in ("iifname", "oifname"):
            rule = (direction, BRIDGE, "accept", "comment", TABLE)
            run("nft", "insert", "rule", chain.family, chain.table, chain.name, *rule)


def remove_rules() -> None:
    for family, table in (("ip", TABLE), *KUBE_PROXY_TABLES):
        succeeds("nft", "delete", "table", family, table)
    for chain, handle in own_rules(_listed("ruleset")):
        succeeds("nft", "delete", "rule", chain.family, chain.table, chain.name, "handle", str(handle))


def way_out(addresses: Addresses) -> str:
    """Pods reach the world from the machine's own address; a table of ours, so that one command removes it."""
    return f"""
    table ip {TABLE} {{
      chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr {addresses.pods} ip daddr != {addresses.pods} oifname != "{BRIDGE}" masquerade
      }}
    }}
    """


def dropping_chains(listed: Iterable[dict[str, Any]]) -> list[Chain]:
    """Those (Docker's, ufw's) that drop traffic of pods; an accept in another table does not overrule them."""
    chains = [entry["chain"] for entry in listed if "chain" in entry]
    return [
        Chain(chain["family"], chain["table"], chain["name"])
        for chain in chains
        if chain.get("hook") in {"input", "forward"}
        and chain.get("policy") == "drop"
        and chain["family"] in {"ip", "inet"}
    ]


def own_rules(listed: Iterable[dict[str, Any]]) -> list[tuple[Chain, int]]:
    """Our rules in the tables of others, by their comment."""
    rules = [entry["rule"] for entry in listed if "rule" in entry]
    return [
        (Chain(rule["family"], rule["table"], rule["chain"]), rule["handle"])
        for rule in rules
        if rule.get("comment") == TABLE
    ]


def _listed(what: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(run("nft", "-j", "list", what))["nftables"]
    return listed
