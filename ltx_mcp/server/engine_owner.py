"""The process that owns the engine of a data directory: other processes of its user attach to it, each with a session.

It stays for as long as they, or unfinished jobs, need it.
"""

import logging
import sys
import time
from dataclasses import dataclass, field

import anyio
from anyio.abc import SocketAttribute, SocketStream

from ltx_mcp.jobs.engine_lock import EngineLock
from ltx_mcp.server.introduction import Guest, Host, Said, Stranger, admit
from ltx_mcp.server.session import run_session
from ltx_mcp.server.socket_messages import LineReader, message_streams
from ltx_mcp.studio.lazy_studio import LazyStudio

log = logging.getLogger(__name__)


class Status(Said):
    """What the owner says of itself: `guests` are the processes that are attached, `peak_bytes` its resident memory."""

    pid: int
    version: str
    up_s: float
    guests: tuple[int, ...]
    unfinished_jobs: int
    peak_bytes: int | None


@dataclass
class EngineOwner:
    """`host` is what guests are told of this process."""

    lazy_studio: LazyStudio
    host: Host
    _began_s: float = field(default_factory=time.monotonic)
    _guests: dict[int, int] = field(default_factory=dict)  # connection to process id
    _guest_left: anyio.Event = field(default_factory=anyio.Event)

    async def listen(self, lock: EngineLock) -> None:
        """Let others attach, until cancelled."""
        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
            address = lock.announce(listener.extra(SocketAttribute.local_port))

            async def attend(stream: SocketStream) -> None:
                await self._attend(stream, address.key)

            await listener.serve(attend)

    async def linger(self, linger_s: float) -> None:
        """Stay until nothing is left to do; after that `linger_s` seconds more, for those who come back."""
        await self.lazy_studio.open_for_jobs()
        while self._guests or self.lazy_studio.unfinished_count:
            while self._guests or self.lazy_studio.unfinished_count:
                self._guest_left = anyio.Event()
                if self._guests:
                    await self._guest_left.wait()
                else:
                    await self.lazy_studio.all_ended()
            await anyio.sleep(linger_s)

    async def _attend(self, stream: SocketStream, key: str) -> None:
        async with stream:
            lines = LineReader(stream)
            try:
                guest = await admit(stream, lines, key, self.host)
                if guest.wants == "status":
                    await stream.send(self._status().model_dump_json().encode() + b"\n")
                else:
                    await self._serve(guest, stream, lines)
            except Stranger:
                log.warning("a process that could not prove who it is was turned away")
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                log.debug("an attached process has gone", exc_info=True)
            except Exception:
                log.exception("the session of an attached process broke")

    async def _serve(self, guest: Guest, stream: SocketStream, lines: LineReader) -> None:
        self._guests[id(stream)] = guest.pid
        try:
            async with message_streams(stream, lines) as client:
                await run_session(self.lazy_studio.for_client(guest.roots, guest.max_wait_s), client)
        finally:
            del self._guests[id(stream)]
            self._guest_left.set()

    def _status(self) -> Status:
        return Status(
            pid=self.host.pid,
            version=self.host.version,
            up_s=round(time.monotonic() - self._began_s, 1),
            guests=tuple(self._guests.values()),
            unfinished_jobs=self.lazy_studio.unfinished_count,
            peak_bytes=_peak_bytes(),
        )


def _peak_bytes() -> int | None:
    """The most memory that was resident; None where the system does not tell (Windows)."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
