"""Standard input as lines that can be stopped between two of them: a fresh process reads on where this one ended.

POSIX alone: Windows can neither wait for a pipe there nor put a fresh process in the place of this one.
"""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
from anyio import to_thread
from anyio.abc import ByteReceiveStream

from ltx_mcp.server.socket_messages import LineReader

CHUNK_BYTES = 64 * 1024
STDIN = 0


class _Pipe(ByteReceiveStream):
    """Bytes of a descriptor, until its end or `stop`. What was not read by then is still there for others."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._woken, self._wake = os.pipe()
        self._ended = False

    async def receive(self, max_bytes: int = CHUNK_BYTES) -> bytes:
        if self._ended:
            raise anyio.EndOfStream
        received = await to_thread.run_sync(self._read, max_bytes, abandon_on_cancel=True)
        if received is None:
            raise anyio.EndOfStream
        self._ended = not received
        return received or b"\n"  # the last line may have no end

    def _read(self, max_bytes: int) -> bytes | None:
        looked_at = select.poll()
        looked_at.register(self._file, select.POLLIN)
        looked_at.register(self._woken, select.POLLIN)
        if any(file == self._woken for file, _ in looked_at.poll()):
            return None
        return os.read(self._file, max_bytes)

    def stop(self) -> None:
        os.write(self._wake, b".")

    async def aclose(self) -> None:
        self.stop()


class StandardInput:
    """Its lines as text, without what `stop` leaves: that is `unread`. Begins with what a process before left."""

    def __init__(self, file: int, unread: bytes = b"") -> None:
        self._pipe = _Pipe(file)
        self._lines = LineReader(self._pipe, unread)
        self._stopped = False

    def __aiter__(self) -> "StandardInput":
        return self

    async def __anext__(self) -> str:
        if self._stopped:
            raise StopAsyncIteration
        try:
            return (await self._lines.receive(sys.maxsize)).decode("utf-8", "replace")
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    def stop(self) -> None:
        """No line comes after the one that is being waited for, if that has begun to arrive."""
        self._stopped = True
        self._pipe.stop()

    @property
    def unread(self) -> bytes:
        """What has arrived and was not told as a line."""
        return self._lines.rest


@contextmanager
def standard_input(unread: bytes = b"") -> Iterator[StandardInput]:
    """This process's; meanwhile whatever it starts, and whatever else reads it, finds nothing there."""
    own = os.dup(STDIN)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, STDIN)
    os.close(nothing)
    lines = StandardInput(own, unread)
    try:
        yield lines
    finally:
        lines.stop()
        os.dup2(own, STDIN)  # not closed: an abandoned thread may still wait for it
