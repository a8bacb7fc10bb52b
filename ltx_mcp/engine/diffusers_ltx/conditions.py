"""Conditions: checked against the plan, brought to the made size, aged as in training, placed on their frame."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.engine.base import Condition, Latents, Materials
from ltx_mcp.engine.plan.quality_presets import LATENT_GRID
from ltx_mcp.errors import BadInput
from ltx_mcp.media.ffmpeg import FFmpeg
from ltx_mcp.media.resize import scale
from ltx_mcp.types.callbacks import Check
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.sizes import TEMPORAL_STRIDE, half_rate_count

_LIMIT_S = 60.0  # for one image through ffmpeg; 4K takes a second


def check_materials(plan: Plan, materials: Materials) -> None:
    """Raise BadInput if these materials cannot be used for this clip. Costs nothing: call it before loading."""
    for condition in materials.conditions:
        _check_condition(plan, condition)
    spans = sorted((each.at_frame, each.at_frame + len(each.frames)) for each in materials.conditions)
    for (_, end), (start, _) in pairwise(spans):
        if start < end:
            raise BadInput(f"Two conditions ask for frame {start}.", "Give each frame to one of them.")
    if materials.repaint is not None:
        if len(materials.repaint) != plan.frames:
            raise BadInput(f"The video to repaint has {len(materials.repaint)} frames and the clip {plan.frames}.")
        _check_frames(plan.width, plan.height, materials.repaint)
    _check_strength(materials.repaint_strength)
    if materials.draft_latents is not None:
        _check_draft(plan, materials.draft_latents)
    _check_reference(plan, materials)


def _check_reference(plan: Plan, materials: Materials) -> None:
    if (plan.reference is None) != (materials.reference is None):
        raise BadInput("A reference needs an IC-LoRA that reworks it, and an IC-LoRA a reference.")
    if plan.reference is None or materials.reference is None:
        return
    if materials.repaint is not None:
        raise BadInput("A clip is made from a reference or by repainting, not both.")
    if len(materials.reference) != plan.frames:
        raise BadInput(f"The reference has {len(materials.reference)} frames and the clip {plan.frames}.")
    _check_frames(plan.reference.width, plan.reference.height, materials.reference)
    _check_strength(plan.reference.strength)


def _check_draft(plan: Plan, draft: Latents) -> None:
    cell = 2 * LATENT_GRID
    made = half_rate_count(plan.made_frames) if plan.doubled_rate else plan.made_frames
    frames = (made - 1) // TEMPORAL_STRIDE + 1
    wanted = (frames, plan.made_height // cell, plan.made_width // cell)
    if plan.quality != "final" or draft.video.shape[2:] != wanted:
        raise BadInput(
            f"The draft's latents are {draft.video.shape[2:]} where {wanted} are needed for this final.",
            "Make the clip again as a final, with the draft's seed.",
        )


def _check_condition(plan: Plan, condition: Condition) -> None:
    count = len(condition.frames)
    if count % TEMPORAL_STRIDE != 1:
        raise BadInput(
            f"A condition has {count} frames; the model's grid takes 1, 9, 17 and so on.",
            f"Leave out {(count - 1) % TEMPORAL_STRIDE} of them." if count else "Give at least one frame.",
        )
    if condition.at_frame < 0 or condition.at_frame + count > plan.frames:
        last = condition.at_frame + count - 1
        raise BadInput(
            f"A condition covers frames {condition.at_frame} to {last}, and the clip has 0 to {plan.frames - 1}."
        )
    _check_frames(plan.width, plan.height, condition.frames)
    _check_strength(condition.strength)


def _check_frames(width: int, height: int, frames: Sequence[Frame]) -> None:
    wanted = (height, width, 3)
    for frame in frames:
        if frame.shape != wanted or frame.dtype != np.uint8:
            raise BadInput(f"A frame is {frame.shape} {frame.dtype} where {wanted} uint8 is needed.")


def _check_strength(strength: float) -> None:
    if not 0 <= strength <= 1:
        raise BadInput(f"A strength of {strength:g} is outside 0 to 1.")


def to_made_size(plan: Plan, frames: Sequence[Frame]) -> NDArray[np.uint8]:
    """(frames, made height, made width, 3): the frame in the middle, where the delivered crop is, its edges repeated.

    The edges guide the margin that is cropped away again. Where the clip is scaled up, the frames are scaled down.
    """
    return centred([scale(frame, *plan.inner_size) for frame in frames], plan.made_width, plan.made_height)


def centred(frames: Sequence[Frame], width: int, height: int) -> NDArray[np.uint8]:
    """(frames, height, width, 3): each frame in the middle of a larger one, its edges repeated."""
    stacked = np.stack(frames)
    across, down = width - stacked.shape[2], height - stacked.shape[1]
    top, left = down // 2, across // 2
    return np.pad(stacked, ((0, 0), (top, down - top), (left, across - left), (0, 0)), mode="edge")


def diffusers_conditions(plan: Plan, conditions: Sequence[Condition], crf: int, check: Check) -> list[Any]:
    """The same as LTX2VideoConditions at the made size; the pipeline halves them for a pass at half size.

    Single images are aged as in training, by H.264 at this `crf`; runs of frames come from a video and are not (as in
    diffusers).
    """
    from diffusers.pipelines.ltx2 import LTX2VideoCondition

    made = []
    for each in conditions:
        check()
        frames = to_made_size(plan, each.frames)
        if len(frames) == 1:
            frames = through_h264(frames[0], crf)[None]
        made.append(LTX2VideoCondition(frames, index=latent_index(each.at_frame), strength=each.strength, crf=0))
    return made


def at_half_rate(conditions: Sequence[Any]) -> list[Any]:
    """The same LTX2VideoConditions for a pass that makes every second frame.

    A run gives every second of its frames, from its first on, and as many as the grid of 8k+1 takes; it stands between
    two frames of the pass where its first one does.
    """
    return [
        replace(
            each,
            frames=each.frames[::2][: (half_rate_count(len(each.frames)) - 1) // TEMPORAL_STRIDE * TEMPORAL_STRIDE + 1],
            index=latent_index(_at_frame(each.index) / 2),
        )
        for each in conditions
    ]


def _at_frame(index: float) -> float:
    return (index - 1) * TEMPORAL_STRIDE + 1 if index else 0


def latent_index(at_frame: float) -> Any:
    """The index of LTX2VideoCondition that means this pixel frame.

    The pipeline counts in latent frames and reads index i > 0 as pixel frame (i - 1) * 8 + 1, so whole indices reach
    every eighth frame only, and -1 lands seven frames before the last. A fraction of an eighth, exact in binary,
    reaches them all.
    """
    return (at_frame - 1) / TEMPORAL_STRIDE + 1 if at_frame else 0


def through_h264(image: Frame, crf: int) -> Frame:
    """The image after one lossy round trip: one H.264 frame at this quality and back. Sides must be even.

    The preset is diffusers' for this step (0.42.1, pipelines/ltx2/utils.py). Raises MediaError.
    """
    height, width, _ = image.shape
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{width}x{height}")
    x264 = ("-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-crf", str(crf), "-f", "h264")
    packed = _filtered([*raw, "-i", "pipe:0", "-frames:v", "1", *x264, "pipe:1"], image.tobytes())
    back = _filtered(["-f", "h264", "-i", "pipe:0", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"], packed)
    return np.frombuffer(bytearray(back), np.uint8).reshape(image.shape)  # writable, as torch wants it


def _filtered(args: Sequence[str], data: bytes) -> bytes:
    # One frame: ffmpeg writes nothing before it has read all, so the two pipes cannot block each other.
    with FFmpeg(args, pipe_in=True, pipe_out=True) as ffmpeg, ffmpeg.within(_LIMIT_S):
        with suppress(OSError):  # finish() says why a pipe broke
            ffmpeg.stdin.write(data)
            ffmpeg.stdin.close()
        result = ffmpeg.stdout.read()
        ffmpeg.finish(_LIMIT_S)
    return result
