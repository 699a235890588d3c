"""Is an address in a network: IPv4, IPv6, and IPv4 mapped into IPv6."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from ..wire.meta import Network

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def is_inside(address: str, networks: Iterable[Network]) -> bool:
    """False also for what is no address.

    A server that listens on IPv6 reports an IPv4 client as ``::ffff:10.0.0.1``: that is 10.0.0.1.
    """
    try:
        parsed = ipaddress.ip_address(address.strip())
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in _unmapped(network) for network in networks)


def _unmapped(network: Network) -> Network:
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        low = int(network.network_address) & 0xFFFFFFFF
        return ipaddress.IPv4Network((low, network.prefixlen - 96))
    return network
