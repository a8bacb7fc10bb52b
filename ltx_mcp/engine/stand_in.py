"""The engine's twin without torch: draws the coloured shapes that a prompt names, one after the other.

It keeps the whole contract (steps, cancel, seeds, audio, exact counts), so that everything around an
engine can be tried in milliseconds, and found again by sight: "a red circle, then a blue square" really
shows a red circle in the first half and a blue square in the second.
"""

import re
from collections.abc import Callable, Iterator
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.engine.base import NO_MATERIALS, Latents, Materials, ModelCard, Rendering, Watch
from ltx_mcp.media.resize import scale
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.sizes import half_rate_count
from ltx_mcp.types.stages import Stage

SAMPLE_RATE = 48_000
STEPS = 8

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (220, 40, 40), "green": (40, 180, 60), "blue": (40, 80, 220), "yellow": (235, 215, 50),
    "orange": (240, 140, 30), "purple": (140, 50, 190), "pink": (240, 140, 190), "white": (240, 240, 240),
    "magenta": (240, 10, 240),
}  # fmt: skip
_BACKGROUND = (15, 15, 15)

Outline = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]
SHAPES: dict[str, Outline] = {
    "circle": lambda x, y: x**2 + y**2 <= 1,
    "square": lambda x, y: np.maximum(abs(x), abs(y)) <= 0.9,
    "triangle": lambda x, y: (y <= 0.9) & (abs(x) <= (y + 1) / 2),
    "cross": lambda x, y: (np.minimum(abs(x), abs(y)) <= 0.33) & (np.maximum(abs(x), abs(y)) <= 1),
    "screen": lambda x, y: abs(x) + abs(y) >= 0,
    "ring": lambda x, y: (x**2 + y**2 <= 1) & (x**2 + y**2 >= 0.5),
}
_NAMED = re.compile(rf"\b({'|'.join(COLOURS)})\s+({'|'.join(SHAPES)})\b")


class StandInEngine:
    """Frames by arithmetic. `pause`, if given, is called at every step: tests hold the lane there."""

    def __init__(self, pause: Callable[[Stage, int], None] | None = None, max_pixel_frames: int = 10**9) -> None:
        self._pause = pause or (lambda stage, step: None)
        self.card = ModelCard(
            name="stand-in",
            label="The stand-in draws coloured shapes without a model.",
            caveat="The stand-in is not a model. It draws the coloured shapes that the prompt names, or a white cross.",
            licence="Apache-2.0",
            default_resolution="240p",
            max_pixel_frames=max_pixel_frames,
            trained_short_side=240,
            takes_loras=True,
        )

    def load(self, watch: Watch) -> None:
        self._pause(Stage.LOADING, 0)
        watch.check()

    def render(self, plan: Plan, watch: Watch, materials: Materials = NO_MATERIALS) -> Rendering:
        watch.stage(Stage.DENOISING)
        for step in range(STEPS):
            self._pause(Stage.DENOISING, step)
            watch.step(step + 1, STEPS)
        watch.stage(Stage.DECODING)
        draft_latents = materials.draft_latents or _first_stage(plan)
        frames = self._frames(plan, watch, materials, draft_latents)
        opening = plan.quality == "draft" and materials.repaint is None and materials.reference is None
        audio = _tone(plan) if plan.audio else None
        return Rendering(frames, audio, SAMPLE_RATE, latents=draft_latents if opening else None)

    def _frames(self, plan: Plan, watch: Watch, materials: Materials, draft_latents: Latents) -> Iterator[Frame]:
        scenes = _NAMED.findall(plan.prompt.lower()) or [("white", "cross")]
        rng = np.random.default_rng(list(sha256(draft_latents.video.tobytes()).digest()))
        noise = rng.integers(0, 12, (plan.height, plan.width, 3), dtype=np.uint8)
        for index in range(plan.frames):
            self._pause(Stage.DECODING, index)
            watch.check()
            colour, shape = scenes[index * len(scenes) // plan.frames]
            drawn = _video(plan, COLOURS[colour], SHAPES[shape], index / plan.frames) + noise
            yield _conditioned(drawn, index, materials)

    def lean(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing to free."""


def _first_stage(plan: Plan) -> Latents:
    """What a draft and the final of twice its size both begin with: noise of the seed, in the real layout."""
    cell = 32 if plan.quality == "draft" else 64
    frames = half_rate_count(plan.made_frames) if plan.doubled_rate else plan.made_frames
    shape = (1, 4, (frames - 1) // 8 + 1, plan.made_height // cell, plan.made_width // cell)
    rng = np.random.default_rng(plan.seed)
    return Latents(rng.standard_normal(shape, np.float32), rng.standard_normal((1, 4, 8, 4), np.float32))


def _conditioned(drawn: Frame, index: int, materials: Materials) -> Frame:
    """The drawn frame, mixed with whatever the materials ask for at this place."""
    mixed = drawn.astype(np.float32)
    if materials.repaint is not None:
        mixed += (materials.repaint[index] - mixed) * (1 - materials.repaint_strength)
    if materials.reference is not None:
        shown = scale(materials.reference[index], drawn.shape[1], drawn.shape[0])
        mixed += (shown - mixed) * 0.5
    for condition in materials.conditions:
        if 0 <= index - condition.at_frame < len(condition.frames):
            mixed += (condition.frames[index - condition.at_frame] - mixed) * condition.strength
    return mixed.round().astype(np.uint8)


def _video(plan: Plan, colour: tuple[int, int, int], outline: Outline, phase: float) -> Frame:
    y, x = np.mgrid[: plan.height, : plan.width].astype(np.float64)
    radius = min(plan.height, plan.width) * 0.3
    centre_x = plan.width * (0.4 + 0.2 * phase)
    inside = outline((x - centre_x) / radius, (y - plan.height / 2) / radius)
    return np.where(inside[..., None], np.uint8(np.array(colour)), np.uint8(np.array(_BACKGROUND)))


def _tone(plan: Plan) -> NDArray[np.float32]:
    seconds = np.arange(round(plan.duration_s * SAMPLE_RATE)) / SAMPLE_RATE
    tone = 0.2 * np.sin(2 * np.pi * (220 + plan.seed % 440) * seconds)
    return np.stack([tone, tone]).astype(np.float32)
