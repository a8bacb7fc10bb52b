"""Stand-in engines that a test holds up: at one stage until it opens a gate, or for want of memory."""

import threading

import anyio.to_thread

from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.errors import OutOfMemory
from ltx_mcp.types.stages import Stage

LIMIT_S = 10.0


class Gate:
    """Give it to the engine as `pause`. `passes` counts how often the engine came by."""

    def __init__(self, stage: Stage, limit_s: float = LIMIT_S) -> None:
        self._stage, self._limit_s = stage, limit_s
        self._open = threading.Event()
        self._arrived = threading.Event()
        self.passes = 0

    def __call__(self, stage: Stage, step: int) -> None:
        if stage is self._stage:
            self.passes += 1
            self._arrived.set()
            assert self._open.wait(self._limit_s)

    async def arrived(self) -> None:
        assert await anyio.to_thread.run_sync(self._arrived.wait, self._limit_s)

    def open(self) -> None:
        self._open.set()


class CrowdedEngine(StandInEngine):
    """Has room for a render once it has become `leaner` so often."""

    def __init__(self, leaner: int, most: int) -> None:
        self.missing, self._left = leaner, most
        super().__init__(self._decode)

    def _decode(self, stage: Stage, index: int) -> None:
        if stage is Stage.DECODING and index == 3 and self.missing:
            raise OutOfMemory("The device ran out of memory.", "Ask for less.")

    def lean(self) -> bool:
        if not self._left:
            return False
        self.missing, self._left = self.missing - 1, self._left - 1
        return True
