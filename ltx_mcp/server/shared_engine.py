"""One engine for all processes on a data directory: a client is served by whichever process owns the engine.

The first process owns it. The others pass their clients' messages on to it, and when it has gone, one of them takes its
place within moments: what was unanswered is asked again there.
"""

import logging
import os
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import anyio

from ltx_mcp.errors import ArchiveError
from ltx_mcp.jobs.engine_lock import EngineLock
from ltx_mcp.server.attaching import attached
from ltx_mcp.server.engine_owner import EngineOwner
from ltx_mcp.server.introduction import Guest, Host, Stranger
from ltx_mcp.server.relay import Relay, Streams
from ltx_mcp.server.session import session_here
from ltx_mcp.settings import Settings
from ltx_mcp.studio.lazy_studio import LazyStudio

log = logging.getLogger(__name__)

RETRY_S = 0.1
UNREACHABLE_S = 10.0  # then an owner that cannot be reached (in another container, or hung) is done without
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


async def serve_client(
    settings: Settings,
    lazy_studio: LazyStudio,
    client: Streams,
    *,
    any_file: bool = False,
    unreachable_s: float = UNREACHABLE_S,
) -> None:
    """Serve one client until it leaves, and, as the owner, for as long as others need the engine.

    `any_file`: its files may come from anywhere, for a person who can read them anyway; never for an agent.
    """
    roots = None if any_file else settings.roots
    guest = Guest(pid=os.getpid(), roots=roots, max_wait_s=settings.max_wait_s)
    relay = Relay(client)
    # Closing what goes to the client lets go of standard output; without it the process would not end.
    async with client[1], anyio.create_task_group() as tasks, AsyncExitStack() as stack:
        tasks.start_soon(relay.read_client)
        lock = _lock(settings, stack)
        if lock is None or not await _attach_until_owner(settings, lock, relay, guest, unreachable_s):
            await _serve_here(settings, lazy_studio.for_client(roots, settings.max_wait_s), relay, lock)
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def owned_engine(settings: Settings, lazy_studio: LazyStudio) -> AsyncGenerator[None]:
    """Own the engine while the block runs, and let other processes attach.

    Raises ArchiveError where another process owns it.
    """
    try:
        lock = EngineLock(settings.data_dir)
    except OSError as error:
        raise ArchiveError(f"The data directory {settings.data_dir} cannot be written to: {error}.") from None
    with lock:
        if not lock.acquire():
            who = f"Process {address.pid}" if (address := lock.address()) else "Another process"
            hint = "End it first: then it attaches to this one. Or name another data directory in LTX_MCP_DATA_DIR."
            raise ArchiveError(f"{who} serves {settings.data_dir} already.", hint)
        async with _owner(settings, lazy_studio, lock):
            yield


def _lock(settings: Settings, stack: AsyncExitStack) -> EngineLock | None:
    """None where the folder cannot be written to: nothing can be made there, but all that is there can be found."""
    try:
        return stack.enter_context(EngineLock(settings.data_dir))
    except OSError as error:
        log.warning("the data directory cannot be written to: %s", error)
        return None


async def _attach_until_owner(
    settings: Settings, lock: EngineLock, relay: Relay, guest: Guest, unreachable_s: float
) -> bool:
    """Let the owner serve until the client has left (True), or until this process must (False)."""
    lost_at_s = time.monotonic()
    while not relay.client_left.is_set():
        if lock.acquire():
            return False
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
    return True


async def _serve_here(settings: Settings, lazy_studio: LazyStudio, relay: Relay, lock: EngineLock | None) -> None:
    async with _owner(settings, lazy_studio, lock) as owner:
        async with session_here(lazy_studio) as server:
            await relay.serve(server)
        await owner.linger(settings.linger_s)


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
