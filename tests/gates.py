"""A gate that holds the stand-in engine at one stage until a test opens it."""

import threading

import anyio.to_thread

from ltx_mcp.types.stages import Stage

LIMIT_S = 10.0


class Gate:
    """Give it to the engine as `pause`. `passes` counts how often the engine came by."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._open = threading.Event()
        self._arrived = threading.Event()
        self.passes = 0

    def __call__(self, stage: Stage, step: int) -> None:
        if stage is self._stage:
            self.passes += 1
            self._arrived.set()
            assert self._open.wait(LIMIT_S)

    async def arrived(self) -> None:
        assert await anyio.to_thread.run_sync(self._arrived.wait, LIMIT_S)

    def open(self) -> None:
        self._open.set()
