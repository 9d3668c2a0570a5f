"""What a URL really points at: one strict reading of it, so that no two parsers can disagree about the host."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from urllib.parse import quote, urljoin

from folkmoot.net.addresses import Address, Allowed, is_public
from folkmoot.net.faults import AddressRefused

MAX_URL = 8_000
"""Characters of a URL."""
_MAX_HOST = 253
_PORTS: Final = {"http": 80, "https": 443}
_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.IGNORECASE | re.ASCII)
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?", re.ASCII)
# Spaces and controls (also those of Latin-1), separators, and halves of a surrogate pair.
_NEVER_IN_URL = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ud800-\udfff]")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0[0-7]*", re.ASCII)
_LOCAL_NAMES = ("localhost", "local", "localdomain", "internal", "home.arpa")
# Ports that speak something else than HTTP, where a request could pass for a command: those browsers refuse.
_OTHER_SPEECH: Final = (
    "1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 "
    "123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 "
    "990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080"
)
_BAD_PORTS: Final = frozenset(int(port) for port in _OTHER_SPEECH.split())


@dataclass(frozen=True, slots=True)
class Target:
    """A URL as it is called: `host` is an ASCII name in lower case, or an address in its one canonical form."""

    scheme: str
    host: str
    port: int
    path: str
    address: Address | None = None

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def parse_target(url: str) -> Target:
    """Where this URL leads. Raises AddressRefused for what is no plain http(s) URL."""
    if len(url) > MAX_URL:
        raise _refused("too_long", f"it is longer than {MAX_URL} characters")
    if _NEVER_IN_URL.search(url):
        raise _refused("characters", "it holds a space, a control character or a backslash")
    parts = _URL.fullmatch(url)
    if parts is None:
        raise _refused("scheme", "only http:// and https:// addresses may be called")
    scheme, authority, path, query = parts[1].lower(), parts[2], parts[3], parts[4]
    if "@" in authority:
        raise _refused("user_info", "it holds a user name or a password")
    split = _AUTHORITY.fullmatch(authority)
    if split is None:
        raise _refused("host", "its host cannot be read")
    port = int(split[2] or _PORTS[scheme])
    if not 0 < port < 65536 or port in _BAD_PORTS:
        raise _refused("port", "its port may not be called")
    host, address = _host(split[1])
    return Target(scheme, host, port, _encoded(path or "/") + _encoded(query or ""), address)


def follow(target: Target, location: str) -> Target:
    """Where a redirect leads. Raises AddressRefused."""
    if len(location) > MAX_URL or _NEVER_IN_URL.search(location):
        raise _refused("redirect", "it redirects to what is no address")
    try:
        joined = urljoin(target.url, location)
    except ValueError:
        raise _refused("redirect", "it redirects to what is no address") from None
    return parse_target(joined)


def check_target(target: Target, allowed: Allowed) -> None:
    """What can be said before a name is resolved. Raises AddressRefused."""
    if allowed.has_name(target.host, target.port):
        return
    if target.address is not None:
        check_address(target.address, target.port, allowed)
    elif any(target.host == name or target.host.endswith(f".{name}") for name in _LOCAL_NAMES):
        raise not_public()


def check_address(address: Address, port: int, allowed: Allowed) -> None:
    """Raises AddressRefused for an address that is neither public nor allowed."""
    if not is_public(address) and not allowed.has_address(address, port):
        raise not_public()


def not_public() -> AddressRefused:
    """Also for a name that does not exist: nobody is to learn from the answer which inner names do."""
    return _refused("not_public", "its host has no public address, or also one that is not public")


def _refused(reason: str, sentence: str) -> AddressRefused:
    return AddressRefused(f"The address may not be called: {sentence}", reason=reason)


def _encoded(text: str) -> str:
    return quote(text, safe="%/:?[]@!$&'()*+,;=~|^`{}")


def _host(text: str) -> tuple[str, Address | None]:
    if text.startswith("["):
        return _ipv6(text[1:-1])
    if not text or len(text) > _MAX_HOST + 1 or "%" in text:
        raise _refused("host", "its host cannot be read")
    name = _ascii(text).lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > _MAX_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused("host", "its host cannot be read")
    if _NUMBER.fullmatch(labels[-1]):
        address = _ipv4(labels)
        return str(address), address
    return name, None


def _ascii(text: str) -> str:
    """Fullwidth digits, ideographic stops and the like become what a resolver would make of them."""
    if text.isascii():
        return text
    import idna  # most hosts are ASCII

    try:
        return idna.encode(text, uts46=True).decode("ascii")
    except UnicodeError:
        raise _refused("host", "its host cannot be read") from None


def _ipv6(text: str) -> tuple[str, IPv6Address]:
    try:
        if "%" in text:
            raise ValueError  # a zone: an interface of this machine
        address = IPv6Address(text)
    except ValueError:
        raise _refused("host", "its host cannot be read") from None
    return address.compressed, address


def _ipv4(labels: list[str]) -> IPv4Address:
    """As inet_aton and browsers read it: up to four decimal, octal or hexadecimal numbers, the last one fills up."""
    if len(labels) > 4 or not all(_NUMBER.fullmatch(label) for label in labels):
        raise _refused("host", "its host cannot be read")
    *leading, last = [_number(label) for label in labels]
    if any(number > 255 for number in leading) or last >= 256 ** (4 - len(leading)):
        raise _refused("host", "its host cannot be read")
    value = last + sum(number << 8 * (3 - place) for place, number in enumerate(leading))
    return IPv4Address(value)


def _number(label: str) -> int:
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    if label.startswith("0") and not _OCTAL.fullmatch(label):
        raise _refused("host", "its host cannot be read")
    return int(label, 8 if label.startswith("0") else 10)
