"""Where events may be sent: https to public addresses, and nothing that leads back inside.

A brand names its endpoint itself, so the name is an attacker's word: it may be an address of
this network in any spelling, or a name that resolves to one (OWASP ASVS 5.0, 1.3.6). What is
judged here are the addresses themselves, after the one and only resolution.
"""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from consent.exceptions import EndpointRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS = (443, 8443)
LONGEST = 500
# Blocks whose last 32 bits are an IPv4 address that some router on the way may unpack.
_CARRIERS = (
    ipaddress.IPv6Network("::/96"),  # IPv4-compatible, RFC 4291 2.5.5.1
    ipaddress.IPv6Network("64:ff9b::/96"),  # NAT64, RFC 6052
    ipaddress.IPv6Network("::ffff:0:0:0/96"),  # SIIT, RFC 2765
)
# The middle of an ISATAP address, RFC 5214 6.1: what follows is an IPv4 address as well.
_ISATAP = (0x00005EFE, 0x02005EFE)
# On no internet, whatever the standard library thinks of them.
_NOWHERE = (
    ipaddress.IPv6Network("64:ff9b:1::/48"),  # what it carries, only that network knows, RFC 8215
    ipaddress.IPv6Network("fec0::/10"),  # site-local, RFC 3879
    ipaddress.IPv6Network("3fff::/20"),  # documentation, RFC 9637
    ipaddress.IPv4Network("192.0.0.0/24"),  # protocol assignments, RFC 6890
    ipaddress.IPv4Network("192.88.99.0/24"),  # relays of 6to4, RFC 7526
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint's URL, taken apart once; nothing downstream parses it again."""

    secure: bool
    host: str
    port: int
    target: str  # path and query, as the request line has them

    @property
    def authority(self) -> str:
        """What the Host header says."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.secure else 80
        return name if self.port == usual else f"{name}:{self.port}"


def parse(url: str, *, loopback: bool) -> Endpoint:
    """Return the parts of an endpoint. Raises `EndpointRefused` with what would be right.

    `loopback` opens http and every port, for demo and tests; which addresses may then be
    connected to is decided by `allowed`, after resolution.
    """
    if len(url) > LONGEST or not url.isascii() or any(c.isspace() or c < "!" for c in url):
        raise EndpointRefused("write the address in ASCII (a Korean name as xn--…), without blanks")
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise EndpointRefused("this is no address") from None
    if parts.scheme != "https" and not (loopback and parts.scheme == "http"):
        raise EndpointRefused("the address must start with https://")
    if "@" in parts.netloc or "\\" in url or parts.fragment:
        raise EndpointRefused("the address holds no user, backslash or fragment")
    if not parts.hostname:
        raise EndpointRefused("the address has no host")
    if port not in PORTS and not loopback:
        raise EndpointRefused("the port is 443 or 8443")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Endpoint(parts.scheme == "https", parts.hostname, port, target)


def allowed(found: list[str], *, secure: bool, loopback: bool) -> list[str]:
    """Return the addresses to connect to: all that were found, or none.

    If one of them is not public, the name is not trusted at all: a resolver that answers with
    a public and a private address lets the network choose. Raises `EndpointRefused`.
    """
    addresses = [_address(text) for text in found]
    if loopback and addresses and all(each.is_loopback for each in addresses):
        return found
    if not secure:
        raise EndpointRefused("http is for loopback alone")
    if not addresses or not all(is_public(each) for each in addresses):
        raise EndpointRefused("the address is not a public one")
    return found


def is_public(address: Address) -> bool:
    """Return whether an address, and every address it may be unpacked into, is on the internet."""
    inner = list(_inside(address)) if isinstance(address, ipaddress.IPv6Address) else []
    if any(not is_public(each) for each in inner):
        return False
    if any(address in network for network in _NOWHERE):
        return False
    if inner and not _is_isatap(address):
        return True  # nothing of its own: an IPv4 address in another spelling
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _inside(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address carries."""
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _CARRIERS) or _is_isatap(address):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in found if each is not None]


def _is_isatap(address: Address) -> bool:
    return address.version == 6 and (int(address) >> 32) & 0xFFFFFFFF in _ISATAP


def _address(text: str) -> Address:
    # A scope ("fe80::1%eth0") names an interface of this machine.
    return ipaddress.ip_address(text.partition("%")[0])
