"""Which addresses are public, and which others the operator allows; pure, and the same on every Python version."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_UNICAST: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_NOT_PUBLIC: Final[tuple[Network, ...]] = tuple(
    ip_network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers; Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host, a public number that never leaves the machine
        "169.254.0.0/16",  # link-local; everybody's metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: whatever IPv4 address is inside
        "3fff::/20",
    )
)
_ENTRY = re.compile(r"(?:\[(?P<inner>[0-9a-fA-F:.]+)\]|(?P<plain>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")
_NAME = re.compile(r"[a-zA-Z0-9._-]*[a-zA-Z][a-zA-Z0-9._-]*")


def is_public(address: Address) -> bool:
    """Globally routable unicast. An address that carries an IPv4 one is judged by it; tunnels never are public."""
    if isinstance(address, IPv6Address):
        inner = _inside(address)
        if inner is not None:
            return is_public(inner)
        if address.scope_id is not None or address not in _UNICAST:
            return False
    return address.is_global and not any(address in block for block in _NOT_PUBLIC if block.version == address.version)


def _inside(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that traffic to a mapped or a NAT64 address ends at."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator allows although it is not public; a port of None stands for every port."""

    names: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[tuple[Network, int | None], ...] = ()

    def has_name(self, host: str, port: int) -> bool:
        return (host, None) in self.names or (host, port) in self.names

    def has_address(self, address: Address, port: int) -> bool:
        judged: Address = (_inside(address) if isinstance(address, IPv6Address) else None) or address
        return any(
            judged.version == network.version and judged in network
            for network, allowed in self.networks
            if allowed in (None, port)
        )


def allowed_of(entries: Sequence[str]) -> Allowed:
    """Entries are names, addresses or networks, a name or an address also with a port: `ollama.lan:11434`,
    `10.1.0.0/16`, `[fd00::5]:80`. A name allows whatever it resolves to. Raises ValueError saying which is wrong."""
    names: set[tuple[str, int | None]] = set()
    networks: list[tuple[Network, int | None]] = []
    for place, entry in enumerate(entries, 1):
        parts = _ENTRY.fullmatch(entry)
        port = int(parts["port"]) if parts and parts["port"] else None
        host = (parts["inner"] or parts["plain"]) if parts else entry  # what does not fit is IPv6, if anything
        network = _network_in(host)
        if network is not None:
            networks.append((network, port))
        elif _NAME.fullmatch(host):
            names.add((host.lower().removesuffix("."), port))
        else:
            raise ValueError(f"entry {place} is neither a host, an address nor a network")
        if port is not None and not 0 < port < 65536:
            raise ValueError(f"entry {place} has no port from 1 to 65535")
    return Allowed(frozenset(names), tuple(networks))


def _network_in(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def address_in(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
