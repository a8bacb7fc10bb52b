"""How a process attaches to the owner of the engine: each proves that it can read the owner's key, then says its wish.

    owner   {"nonce"}
    guest   {"nonce", "proof" of the owner's nonce, "guest": what it wants}
    owner   {"proof" of the guest's nonce, "host": who it is}

The key never travels, so a stranger who listens on the port of an owner that has gone learns nothing.
"""

import hmac
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Literal, TypeVar

import anyio
from anyio.abc import ByteStream
from pydantic import BaseModel, ConfigDict, ValidationError

from ltx_mcp import __version__
from ltx_mcp.server.socket_messages import LineReader

LIMIT_S = 5.0
MAX_BYTES = 64 * 1024


class Stranger(Exception):
    """The other side could not prove who it is, or spoke another language."""


class Said(BaseModel):
    """What one side says. Another version may say more."""

    model_config = ConfigDict(frozen=True, extra="ignore")


AnySaid = TypeVar("AnySaid", bound=Said)


class Guest(Said):
    """Who attaches, and what for. `roots` are the folders that its client may read from; None lifts the confinement."""

    wants: Literal["messages", "status"] = "messages"
    pid: int
    roots: tuple[Path, ...] | None = ()
    max_wait_s: float = 45.0


class Host(Said):
    """Who owns the engine, and with which settings."""

    pid: int
    version: str = __version__
    settings: dict[str, str] = {}


class _Greeting(Said):
    nonce: str


class _Introduced(Said):
    nonce: str
    proof: str
    guest: Guest


class _Accepted(Said):
    proof: str
    host: Host


async def admit(stream: ByteStream, lines: LineReader, key: str, host: Host) -> Guest:
    """The owner's side. Raises Stranger."""
    with anyio.move_on_after(LIMIT_S):
        nonce = secrets.token_hex(32)
        await _send(stream, _Greeting(nonce=nonce))
        introduced = await _receive(lines, _Introduced)
        if not hmac.compare_digest(introduced.proof, _proof(key, "guest", nonce)):
            raise Stranger
        await _send(stream, _Accepted(proof=_proof(key, "owner", introduced.nonce), host=host))
        return introduced.guest
    raise Stranger


async def introduce(stream: ByteStream, lines: LineReader, key: str, guest: Guest) -> Host:
    """The guest's side. Raises Stranger."""
    with anyio.move_on_after(LIMIT_S):
        greeting = await _receive(lines, _Greeting)
        nonce = secrets.token_hex(32)
        await _send(stream, _Introduced(nonce=nonce, proof=_proof(key, "guest", greeting.nonce), guest=guest))
        accepted = await _receive(lines, _Accepted)
        if not hmac.compare_digest(accepted.proof, _proof(key, "owner", nonce)):
            raise Stranger
        return accepted.host
    raise Stranger


def _proof(key: str, side: Literal["guest", "owner"], nonce: str) -> str:
    return hmac.new(key.encode(), f"{side} {nonce}".encode(), sha256).hexdigest()


async def _send(stream: ByteStream, value: Said) -> None:
    try:
        await stream.send(value.model_dump_json().encode() + b"\n")
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        raise Stranger from None


async def _receive(lines: LineReader, kind: type[AnySaid]) -> AnySaid:
    try:
        return kind.model_validate_json(await lines.receive(MAX_BYTES))
    except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, ValidationError):
        raise Stranger from None
