"""Where the HTTP server listens, and under which names it may be called.

A page of the web can have its own host name lead to 127.0.0.1 (DNS rebinding), and its scripts then speak to a server
here as if it were theirs; only the Host and Origin of the request tell. A Host that is an address and not a name cannot
come from such a page, for whoever listens there is who was asked.
"""

import ipaddress
import socket
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from ltx_mcp.errors import BadInput

DEFAULT_PORT = 8765
DEFAULT_HOST = "127.0.0.1"
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Address:
    """`host` is a name or an address, without the brackets of IPv6; port 0 takes any that is free."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        parsed = _ip_address(self.host)
        return self.host == "localhost" if parsed is None else parsed.is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_address(text: str) -> Address:
    """HOST:PORT, HOST or PORT; "" is the default. Raises BadInput."""
    hint = f"Write HOST:PORT, such as {DEFAULT_HOST}:{DEFAULT_PORT} or [::1]:{DEFAULT_PORT}."
    if text.isascii() and text.isdigit():
        text = f"{DEFAULT_HOST}:{text}"
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname or DEFAULT_HOST, parts.port
    except ValueError as error:
        raise BadInput(f"{text!r} is not an address to listen on: {error}.", hint) from None
    if parts.netloc != text or "@" in text:
        raise BadInput(f"{text!r} is not an address to listen on.", hint)
    return Address(host, DEFAULT_PORT if port is None else port)


def listen(address: Address, inherited: int | None = None) -> socket.socket:
    """A socket that listens there; that of the process before, where this one inherited its descriptor.

    Raises BadInput where that is not possible.
    """
    if inherited is not None:
        return socket.socket(fileno=inherited)
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((address.host, address.port), family=family, backlog=128)
    except OSError as error:
        raise BadInput(f"Nothing can listen on {address}: {error}.", "Name another with --http HOST:PORT.") from None


@dataclass(frozen=True)
class Hosts:
    """The names by which clients may call the server, without ports; `any_address` takes every IP address as well."""

    names: frozenset[str]
    any_address: bool = False

    @classmethod
    def of(cls, address: Address, url: str | None) -> "Hosts":
        """Those of the address, and of the URL under which a proxy or the network knows it."""
        known = {*_LOOPBACK_NAMES, address.host, *([_name(urlsplit(url).netloc)] if url else [])}
        if not address.is_loopback:
            known |= {socket.gethostname(), socket.getfqdn()}
        return cls(frozenset(name.lower() for name in known if name), any_address=not address.is_loopback)

    def serves(self, host: str) -> bool:
        """Whether a Host header names this server."""
        name = _name(host)
        return name in self.names or (self.any_address and _ip_address(name) is not None)

    def trusts(self, origin: str, host: str) -> bool:
        """Whether a page of this origin may call: only one that this server gave, or that a name of its own gave."""
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and (parts.netloc == host or _name(parts.netloc) in self.names)


def _name(host: str) -> str:
    """Of HOST:PORT the host in small letters; "" for what is not one."""
    with suppress(ValueError):
        parts = urlsplit(f"//{host}")
        if parts.netloc == host and "@" not in host and (parts.port is None or parts.port >= 0):
            return parts.hostname or ""
    return ""


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    with suppress(ValueError):
        return ipaddress.ip_address(host)
    return None
