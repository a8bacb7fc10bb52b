"""A server whose device breaks, for tests: `python faulty_server.py FAULTS serve ...`.

FAULTS is a file that holds how often the device is still to break at a prompt that says so. Once it has, every render
of that process fails in the same way, as with a CUDA context.
"""

import sys
from pathlib import Path

from ltx_mcp import parts
from ltx_mcp.cli.main import main
from ltx_mcp.engine.base import NO_MATERIALS, Materials, Rendering, Watch
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.types.plans import Plan

BREAKS = "that breaks the device"
SAID = (
    "CUDA error: device-side assert triggered\nSearch for `cudaErrorAssert' in the CUDA documentation for more"
    " information.\nCUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below"
    " might be incorrect."
)


class FaultyEngine(StandInEngine):
    def __init__(self, faults: Path) -> None:
        super().__init__()
        self._faults = faults
        self._is_lost = False

    def render(self, plan: Plan, watch: Watch, materials: Materials = NO_MATERIALS) -> Rendering:
        left = int(self._faults.read_text())
        if BREAKS in plan.prompt and left and not self._is_lost:
            self._faults.write_text(str(left - 1))
            self._is_lost = True
        if self._is_lost:
            raise RuntimeError(SAID)
        return super().render(plan, watch, materials)


if __name__ == "__main__":
    faults = Path(sys.argv[1])
    parts.choose_engine = lambda settings: (FaultyEngine(faults), "It is for a test.")
    sys.exit(main(sys.argv[2:]))
