"""What a pipeline takes for its transformer in a pass that keeps the audio fixed, or works in tiles.

The pipelines of diffusers know neither; both are matters of single forwards. So a pipeline is lent a stand-in for its
transformer, and all else (conditions, guidance, schedule, cancel) is the pipeline's own. Needs torch.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from diffusers.pipelines.ltx2.dfr_layout import (
    LTX2DFREpilogueTile,
    LTX2DFRTokenPlan,
    trapezoidal_mask_1d,
    video_tile_plan,
)

from ltx_mcp.engine.plan.tiling import OVERLAP, spans


def lent(pipeline: Any, transformer: "SteeredTransformer") -> Any:
    """The same pipeline, whose loop calls this in place of its transformer. The one given stays as it is."""
    other = copy.copy(pipeline)
    vars(other)["transformer"] = transformer  # past the pipeline's own setter, which would note it in the shared config
    return other


@dataclass(frozen=True)
class SteeredTransformer:
    """Calls an LTX2VideoTransformer3DModel once a tile, with audio that stays as it is.

    `tiles` are (across, down); (1, 1) is the whole frame. `audio` are normalised, packed audio latents (1, length,
    channels): clean, at timestep 0, attended to by the video and never changed, as in diffusers' own tiled and temporal
    passes (0.42.1, LTX2DFRTemporalRefinePipeline: freeze_audio). Were each tile to generate audio of its own, there
    would be as many as tiles, and were one tile alone to make it, it would fit the corner that this tile sees. None:
    the audio is denoised along with the video, in tiles as the mean over all. `after_tile` is called with the number of
    each tile done in a forward, from 1, before the last.
    """

    transformer: Any
    tiles: tuple[int, int] = (1, 1)
    audio: torch.Tensor | None = None
    after_tile: Callable[[int], None] = lambda done: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transformer, name)

    def __call__(self, **inputs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """The transformer's arguments by name, as LTX2Pipeline gives them. Returns both velocities."""
        made_audio = inputs["audio_hidden_states"]
        if self.audio is not None:
            inputs |= self._held(self.audio, made_audio)
        video, audio = self._video(inputs)
        return video, audio if self.audio is None else torch.zeros_like(made_audio)

    def _held(self, audio: torch.Tensor, like: torch.Tensor) -> dict[str, Any]:
        batch, length = like.shape[0], audio.shape[1]
        clean = torch.zeros(batch, device=like.device)
        return {
            "audio_hidden_states": audio.expand(batch, -1, -1).to(like),
            "audio_timestep": clean,
            "audio_sigma": clean,
            "audio_num_frames": length,
            "audio_coords": self.transformer.audio_rope.prepare_audio_coords(batch, length, like.device),
        }

    def _video(self, inputs: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        plan = self._plan(inputs)
        video = torch.zeros_like(inputs["hidden_states"], dtype=torch.float32)
        audios = []
        for index, tile in enumerate(plan, 1):
            part, audio = self.transformer(**{**inputs, **_cut(inputs, tile)})
            video.index_add_(1, tile.keep, part.float() * tile.weights.float()[:, None])
            audios.append(audio.float())
            if index < len(plan):
                self.after_tile(index)
        return video.to(part.dtype), torch.stack(audios).mean(0).to(part.dtype)

    def _plan(self, inputs: dict[str, Any]) -> list[LTX2DFRTokenPlan]:
        """Which tokens each tile sees, where it takes them to be, and how much its word counts there.

        Tokens of conditions that lie beside the grid (keyframes, references) go to the tiles whose part of the frame
        they show.
        """
        frames, rows, columns = inputs["num_frames"], inputs["height"], inputs["width"]
        across, down = self.tiles
        cuts = [
            LTX2DFREpilogueTile(
                slice(0, frames), slice(*high), slice(*wide), _window(high, rows)[:, None] * _window(wide, columns)
            )
            for high, wide in product(spans(rows, down), spans(columns, across))
        ]
        cuts = [cut._replace(blend_weight=cut.blend_weight.expand(frames, -1, -1)) for cut in cuts]
        return video_tile_plan(cuts, inputs["video_coords"], frames, rows, columns)  # type: ignore[no-any-return]


def _window(span: tuple[int, int], cells: int) -> torch.Tensor:
    """Weights of a span's cells: a ramp over what it shares with a neighbour, and one elsewhere."""
    start, end = span
    ramps = [OVERLAP if inner else 0 for inner in (start > 0, end < cells)]
    window: torch.Tensor = trapezoidal_mask_1d(end - start, *ramps)
    return window


def _cut(inputs: dict[str, Any], tile: LTX2DFRTokenPlan) -> dict[str, Any]:
    cut = {"hidden_states": inputs["hidden_states"][:, tile.keep], "video_coords": tile.coords}
    if inputs["timestep"].ndim == 2:  # one for each token, where there are conditions
        cut["timestep"] = inputs["timestep"][:, tile.keep]
    if (mask := inputs.get("video_self_attention_mask")) is not None:
        cut["video_self_attention_mask"] = mask[:, tile.keep][:, :, tile.keep]
    return cut


def packed_audio(pipeline: Any, audio: torch.Tensor, speed: float = 1.0) -> torch.Tensor:
    """Denormalised audio latents (1, C, L, bins) as `SteeredTransformer.audio`, played faster by `speed`.

    A pass whose positions run at another rate than the clip takes its audio at that rate, as in diffusers' temporal
    rounds (0.42.1, _audio_window_for_tile): its latents are interpolated to as many as fit the shorter time.
    """
    packed = pipeline._pack_audio_latents(audio)
    packed = pipeline._normalize_audio_latents(packed, pipeline.audio_vae.latents_mean, pipeline.audio_vae.latents_std)
    if speed == 1:
        return packed  # type: ignore[no-any-return]
    there = packed.shape[1]
    wanted = max(1, round(there / speed))
    at = (torch.arange(wanted, device=packed.device) * (there / wanted)).clamp(max=there - 1)
    low = at.floor().long()
    return torch.lerp(packed[:, low], packed[:, (low + 1).clamp(max=there - 1)], (at - low).to(packed)[:, None])
