"""Which addresses a webhook may be delivered to: nobody uses Cordon to reach into its network.

The check is made of the very address that a connection is about to be opened to, whatever a name
stood for when somebody looked before (DNS rebinding).
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# RFC 6052: the last 32 bits are an IPv4 address.
_NAT64: Final = IPv6Network("64:ff9b::/96")


def networks_of(text: str) -> tuple[Network, ...]:
    """Return networks in CIDR form, separated by commas; raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def permitted(address: str, *, secure: bool, allowed: Sequence[Network]) -> bool:
    """Return whether a connection may be opened; one that is not encrypted only to `allowed`."""
    real = _innermost(ip_address(address.partition("%")[0]))
    if any(real.version == network.version and real in network for network in allowed):
        return True
    return secure and real.is_global and not real.is_multicast


def problem_of(url: str, allowed: Sequence[Network]) -> str | None:
    """Return what is wrong with a URL as far as it can be known without asking for its host."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return str(error)
    if not url.isascii() or not url.isprintable() or " " in url:
        return "must be ASCII without spaces"
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        return "must begin with https:// and name a host"
    if parts.username is not None or parts.password is not None:
        return "must not carry a name or a password"
    if parts.fragment:
        return "must not have a fragment"
    if parts.scheme == "http" and not allowed:
        return "must begin with https://"
    try:
        ip_address(parts.hostname)
    except ValueError:
        return None
    if not permitted(parts.hostname, secure=parts.scheme == "https", allowed=allowed):
        return "names an address that webhooks may not reach (CORDON_WEBHOOK_ALLOW)"
    return None


def _innermost(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address wraps, if it does."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address.teredo is not None:
            return address.teredo[1]
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
