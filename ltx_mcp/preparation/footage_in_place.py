"""Looks through footage that stays where it is: one pass over its frames, small, and nothing is encoded.

Memory does not grow with its length: what is kept of long footage lies in the job's staging folder.
"""

from dataclasses import replace
from pathlib import Path

from ltx_mcp.archive.originals import is_there, read_original
from ltx_mcp.engine.base import Rendering, Watch
from ltx_mcp.errors import MediaError
from ltx_mcp.preparation.clip_writer import View, WrittenClip, closing_frames
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.stages import Stage

_REPORT_EVERY = 32  # frames: a report crosses to another thread


def look_through(
    rendering: Rendering,
    watch: Watch,
    plan: Plan,
    view: View,
    path: Path,
    codec: str,
) -> WrittenClip:
    """Pull every frame once. Raises MediaError for a file that changes meanwhile, ModerationUnavailable, Cancelled."""
    before = read_original(path)
    viewing = view()
    with closing_frames(rendering):
        for index, frame in enumerate(rendering.frames):
            viewing.see(index, frame)
            if index % _REPORT_EVERY == 0:
                watch.step(index, plan.frames)
    watch.stage(Stage.MODERATING)
    verdict = viewing.verdict()
    watch.check()
    if not is_there(before):
        raise MediaError(f"{path.name} was written while it was imported.", "Import it once it is whole.")
    return replace(viewing.written(None, verdict, plan.audio), original=before, codec=codec, said=rendering.said)
