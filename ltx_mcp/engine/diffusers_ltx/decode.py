"""The VAE's tiled decode as a stream: frames come out while later tiles are still latents.

`AutoencoderKLLTX2Video.decode` (diffusers 0.42.1) decodes all temporal tiles before it joins them, so its memory
grows with the clip, and of each it holds all spatial tiles, their rows and their join. The loops here give the same
numbers, bit for bit, and hold one temporal tile, and of those before it only what is still to be blended.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.engine.diffusers_ltx.interrupt import checked
from ltx_mcp.types.callbacks import Check
from ltx_mcp.types.frames import Frame

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class DecodeWindows:
    """Size of a tile and the distance to the next, in delivered frames and pixels. The overlap is blended."""

    frames: int
    frame_stride: int
    pixels: int
    pixel_stride: int

    def within(self, width: int, height: int) -> "DecodeWindows":
        """These for frames of this size in pixels: where they are large, fewer frames at a time, as much blended."""
        overlap = self.frames - self.frame_stride
        fewest = 2 * overlap  # a frame is then decoded twice at most
        frames = self.frames if width * height <= LARGE_PIXELS else min(self.frames, fewest)
        return replace(self, frames=frames, frame_stride=frames - overlap)


LARGE_PIXELS = 2560 * 1472
"""Above, a temporal tile has 48 frames and not 80. Calculated: a decoded pixel-frame takes 6 bytes in bfloat16, and
there are one frame more than a tile, the 24 of the one before that are blended, and a spatial tile: 2.7 GB at 1440p
with 80 frames, 5.6 GB at 2160p, 3.8 GB with 48. All of it is constant with the clip's length."""

GPU_WINDOWS = DecodeWindows(frames=80, frame_stride=56, pixels=768, pixel_stride=704)
"""For trained models: an overlap of 24 frames and 64 pixels. The library's 16 and 8 frames leave visible seams."""

CPU_WINDOWS = DecodeWindows(frames=24, frame_stride=16, pixels=512, pixel_stride=448)
"""For the micro model: a tile is decoded in a fraction of a second on one core, and 240p needs no spatial tiles."""


def stream_decode(vae: Any, latents: "torch.Tensor", windows: DecodeWindows, check: Check) -> Iterator[Frame]:
    """All frames of one clip, RGB uint8 (height, width, 3), decoded as they are pulled.

    `latents` are (1, channels, latent frames, height / 32, width / 32), denormalised, on the VAE's device.
    `check` runs between tiles and between the decoder's blocks; what it raises ends the stream.
    """
    for chunk in decode_chunks(vae, latents, windows, check):
        for index in range(chunk.shape[2]):
            yield to_frame(chunk[0, :, index])
        del chunk  # before the next one is decoded


def decode_chunks(vae: Any, latents: "torch.Tensor", windows: DecodeWindows, check: Check) -> Iterator["torch.Tensor"]:
    """The same as (1, 3, frames, height, width) chunks in the VAE's dtype, nominally -1..1.

    Joined along the frames they equal `vae.decode` with these windows and framewise decoding, bit for bit.
    """
    import torch

    vae.disable_tiling()
    vae.use_framewise_decoding = False  # all tiles are cut here
    ratio = vae.temporal_compression_ratio
    size, stride, overlap = (
        windows.frames // ratio,
        windows.frame_stride // ratio,
        windows.frames - windows.frame_stride,
    )
    if latents.shape[2] <= size:
        yield _decode_tile(vae, latents, windows, check)
        return
    remaining = (latents.shape[2] - 1) * ratio + 1
    previous: torch.Tensor | None = None
    for start in range(0, latents.shape[2], stride):
        tile = _decode_tile(vae, latents[:, :, start : start + size + 1], windows, check)
        if previous is not None:
            tile = tile[:, :, :-1]
            with torch.inference_mode():
                vae.blend_t(previous, tile, overlap)  # in place
        count = min(windows.frame_stride + (previous is None), remaining)
        previous = tile[:, :, -overlap:].clone()
        remaining -= count
        chunk = tile[:, :, :count]
        del tile
        yield chunk
        del chunk


def _decode_tile(vae: Any, latents: "torch.Tensor", windows: DecodeWindows, check: Check) -> "torch.Tensor":
    # The contexts close before anything is yielded: they belong to the thread, not to this generator.
    import torch

    check()
    with torch.inference_mode(), checked([vae.decoder], check):
        return _decode_rows(vae, latents.to(vae.dtype), windows)


def _decode_rows(vae: Any, latents: "torch.Tensor", windows: DecodeWindows) -> "torch.Tensor":
    """The whole frames of one temporal tile, put together while its spatial tiles are decoded, from the top left.

    Of the tiles that are done only the edges stay that those below and to the right are blended with.
    """
    import torch

    cell = vae.spatial_compression_ratio
    size, stride, overlap = windows.pixels // cell, windows.pixel_stride // cell, windows.pixels - windows.pixel_stride
    height, width = latents.shape[3:]
    if max(height, width) <= size:
        whole: torch.Tensor = vae.decode(latents, return_dict=False)[0]
        return whole
    stitched: torch.Tensor | None = None
    above: list[torch.Tensor] = []
    for top in range(0, height, stride):
        below: list[torch.Tensor] = []
        before: torch.Tensor | None = None
        for left in range(0, width, stride):
            tile = vae.decode(latents[..., top : top + size, left : left + size], return_dict=False)[0]
            if above:
                vae.blend_v(above[len(below)], tile, overlap)  # in place
            if before is not None:
                vae.blend_h(before, tile, overlap)
            if stitched is None:
                stitched = tile.new_empty((*tile.shape[:3], height * cell, width * cell))
            shown = tile[..., : windows.pixel_stride, : windows.pixel_stride]
            y, x = top * cell, left * cell
            stitched[..., y : y + shown.shape[3], x : x + shown.shape[4]] = shown
            below.append(tile[..., -overlap:, :].clone())
            before = tile[..., -overlap:].clone()
        above = below
    assert stitched is not None, "latents have a height and a width"
    return stitched


def to_frame(decoded: "torch.Tensor") -> Frame:
    """(3, height, width) in -1..1 to RGB uint8 (height, width, 3), rounded; values outside are clipped."""
    import torch

    scaled = (decoded.float() * 0.5 + 0.5).clamp(0, 1).mul(255).round()
    return np.ascontiguousarray(scaled.to(torch.uint8).permute(1, 2, 0).cpu().numpy())


def decode_audio(pipeline: Any, latents: "torch.Tensor") -> NDArray[np.float32]:
    """As LTX2Pipeline does it, but with the vocoder and its input in float32: (channels, samples) in -1..1."""
    mel = pipeline.audio_vae.decode(latents.to(pipeline.audio_vae.dtype), return_dict=False)[0]
    samples: NDArray[np.float32] = pipeline.vocoder(mel.float())[0].cpu().numpy()
    return samples
