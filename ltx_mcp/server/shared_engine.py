"""One engine for all processes on a data directory: a client is served by whichever process owns the engine.

The first process owns it. The others pass their clients' messages on to it, and when it has gone, one of them takes its
place within moments: what was unanswered is asked again there. An owner that has lost the device goes on in a fresh
process.
"""

import logging
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

import anyio

from ltx_mcp.errors import ArchiveError
from ltx_mcp.jobs.engine_lock import EngineLock
from ltx_mcp.server.attaching import attached, status_of
from ltx_mcp.server.engine_owner import EngineOwner
from ltx_mcp.server.introduction import Guest, Host, Stranger
from ltx_mcp.server.relay import NEW_SESSION, Relay, Session, Streams
from ltx_mcp.server.session import session_here
from ltx_mcp.settings import Settings
from ltx_mcp.studio.lazy_studio import LazyStudio

log = logging.getLogger(__name__)

RETRY_S = 0.1
UNREACHABLE_S = 10.0  # then an owner that cannot be reached (in another container, or hung) is done without
LOOK_S = 1.0  # between looks at whether it can be reached again
_OWN = {
    "data_dir",
    "roots",
    "max_wait_s",
    "log_level",
    "linger_s",
    "http_token",
    "http_url",
    "http_issuer",
    "http_audience",
    "max_upload_bytes",
}  # settings that each process keeps for itself
START_AGAIN = "Start ltx-mcp again: what waits is gone on with."


class _Ending(Enum):
    """Why a process stops serving its client by an engine of its own."""

    DONE = auto()  # the client has left, and nobody else needs the engine
    OWNER_IS_BACK = auto()  # this process had one beside an owner that could not be reached
    DEVICE_LOST = auto()


@dataclass(frozen=True)
class Unfinished:
    """What is left to a fresh process: the client's session, and the lock of the engine, which is still held."""

    session: Session
    lock: EngineLock | None


async def serve_client(
    settings: Settings,
    lazy_studio: LazyStudio,
    client: Streams,
    *,
    any_file: bool = False,
    unreachable_s: float = UNREACHABLE_S,
    session: Session = NEW_SESSION,
    inherited_lock: int | None = None,
    stop_reading: Callable[[], None] | None = None,
) -> Unfinished | None:
    """Serve one client until it leaves, and, as the owner, for as long as others need the engine.

    `any_file`: its files may come from anywhere, for a person who can read them anyway; never for an agent.

    Returns what a fresh process is to go on with, where the device was lost to this one and `stop_reading` ends the
    client's messages; without it the client is let go. `session` and `inherited_lock` are what the process before left.
    """
    roots = None if any_file else settings.roots
    guest = Guest(pid=os.getpid(), roots=roots, max_wait_s=settings.max_wait_s)
    relay = Relay(client, session)
    # Closing what goes to the client lets go of standard output; without it the process would not end.
    async with client[1], anyio.create_task_group() as tasks, AsyncExitStack() as stack:
        tasks.start_soon(relay.read_client)
        lock = _lock(settings, stack, inherited_lock)
        while lock is None or not await _attach_until_owner(settings, lock, relay, guest, unreachable_s):
            here = lazy_studio.for_client(roots, settings.max_wait_s)
            ending = await _serve_here(settings, here, relay, lock)
            if ending is _Ending.DEVICE_LOST and stop_reading is None:
                log.error("the device is lost to this process, which ends: %s", START_AGAIN)
                break
            if ending is _Ending.DEVICE_LOST and stop_reading is not None:
                stop_reading()
                await relay.client_left.wait()
                stack.pop_all()
                return Unfinished(relay.session, lock)
            if ending is _Ending.DONE:
                break
            lazy_studio = lazy_studio.again()
        tasks.cancel_scope.cancel()
    return None


@asynccontextmanager
async def owned_engine(
    settings: Settings, lazy_studio: LazyStudio, inherited_lock: int | None = None
) -> AsyncGenerator[EngineLock]:
    """Own the engine while the block runs, and let other processes attach. Where the device was lost by then, the lock
    is left as it is, to the process that goes on.

    Raises ArchiveError where another process owns it.
    """
    try:
        lock = EngineLock(settings.data_dir, inherited_lock)
    except OSError as error:
        raise ArchiveError(f"The data directory {settings.data_dir} cannot be written to: {error}.") from None
    if not lock.acquire():
        who = f"Process {address.pid}" if (address := lock.address()) else "Another process"
        hint = "End it first: then it attaches to this one. Or name another data directory in LTX_MCP_DATA_DIR."
        raise ArchiveError(f"{who} serves {settings.data_dir} already.", hint)
    try:
        async with _owner(settings, lazy_studio, lock):
            yield lock
    finally:
        if not lazy_studio.has_lost_device:
            lock.close()


def _lock(settings: Settings, stack: AsyncExitStack, inherited: int | None) -> EngineLock | None:
    """None where the folder cannot be written to: nothing can be made there, but all that is there can be found."""
    try:
        return stack.enter_context(EngineLock(settings.data_dir, inherited))
    except OSError as error:
        log.warning("the data directory cannot be written to: %s", error)
        return None


async def _attach_until_owner(
    settings: Settings, lock: EngineLock, relay: Relay, guest: Guest, unreachable_s: float
) -> bool:
    """Let the owner serve until the client has left (True), or until this process must (False)."""
    lost_at_s = time.monotonic()
    while not lock.acquire():
        if relay.client_left.is_set():
            return True
        try:
            if (address := lock.address()) is None:
                raise OSError("it has not said where it listens")
            async with attached(address, guest) as (server, host):
                _compare(_chosen(settings), host)
                await relay.serve(server)
            lost_at_s = time.monotonic()
        except (OSError, Stranger) as error:
            if time.monotonic() - lost_at_s > unreachable_s:
                log.warning("the owner of the engine cannot be reached (%r): this process has one of its own", error)
                return False
            await anyio.sleep(RETRY_S)
    return False


async def _serve_here(settings: Settings, lazy_studio: LazyStudio, relay: Relay, lock: EngineLock | None) -> _Ending:
    """Serve the client by an engine of this process, until that has to end."""
    ending = _Ending.DONE
    async with _owner(settings, lazy_studio, lock) as owner, anyio.create_task_group() as tasks:

        async def end(why: _Ending, when: Callable[[], Awaitable[None]]) -> None:
            nonlocal ending
            await when()
            ending = why
            lazy_studio.leave_jobs()
            tasks.cancel_scope.cancel()

        tasks.start_soon(end, _Ending.DEVICE_LOST, lazy_studio.device_lost)
        if lock is not None and not lock.is_held:
            tasks.start_soon(end, _Ending.OWNER_IS_BACK, partial(_owner_is_back, lock))
        async with session_here(lazy_studio) as server:
            await relay.serve(server)
        await owner.linger(settings.linger_s)
        tasks.cancel_scope.cancel()
    return ending


async def _owner_is_back(lock: EngineLock) -> None:
    """Wait until the owner can be reached, or has gone: then this process is one."""
    while not lock.acquire():
        try:
            if (address := lock.address()) is not None:
                await status_of(address)
                return
        except (OSError, Stranger):
            pass
        await anyio.sleep(LOOK_S)


@asynccontextmanager
async def _owner(settings: Settings, lazy_studio: LazyStudio, lock: EngineLock | None) -> AsyncGenerator[EngineOwner]:
    """This process with an engine of its own; others may attach while it holds the lock."""
    owner = EngineOwner(lazy_studio, Host(pid=os.getpid(), settings=_chosen(settings)))
    async with lazy_studio.running(), anyio.create_task_group() as tasks:
        if lock is not None and lock.is_held:
            tasks.start_soon(owner.listen, lock)
        yield owner
        tasks.cancel_scope.cancel()


def _chosen(settings: Settings) -> dict[str, str]:
    return {name: str(value) for name, value in settings if name not in _OWN}


def _compare(chosen: dict[str, str], host: Host) -> None:
    """Say which settings do not hold, because the owner has others."""
    other = [
        f"LTX_MCP_{name.upper()}={host.settings[name]}"
        for name, value in chosen.items()
        if host.settings.get(name, value) != value
    ]
    what = f"; it uses {', '.join(other)}" if other else ""
    log.info("served by process %s (ltx-mcp %s)%s", host.pid, host.version, what)
