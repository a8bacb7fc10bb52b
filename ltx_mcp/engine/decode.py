"""The VAE's tiled decode as a stream: frames come out while later tiles are still latents.

`AutoencoderKLLTX2Video.decode` (diffusers 0.42.1) decodes all temporal tiles before it joins them, so its memory
grows with the clip. The loop here gives the same numbers, bit for bit, and holds two temporal tiles.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.engine.base import Frame
from ltx_mcp.engine.interrupt import checked

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class DecodeWindows:
    """Size of a tile and the distance to the next, in delivered frames and pixels. The overlap is blended."""

    frames: int
    frame_stride: int
    pixels: int
    pixel_stride: int

    def apply(self, vae: Any) -> None:
        """Set the VAE's own tiling to these windows, for one temporal tile at a time."""
        vae.enable_tiling(
            tile_sample_min_height=self.pixels,
            tile_sample_min_width=self.pixels,
            tile_sample_min_num_frames=self.frames,
            tile_sample_stride_height=self.pixel_stride,
            tile_sample_stride_width=self.pixel_stride,
            tile_sample_stride_num_frames=self.frame_stride,
        )
        vae.use_framewise_decoding = False  # the temporal tiles are cut here

    def within(self, width: int, height: int) -> "DecodeWindows":
        """These for pictures of this size in pixels: where they are large, fewer frames at a time, as much blended."""
        overlap = self.frames - self.frame_stride
        fewest = 2 * overlap  # a frame is then decoded twice at most
        frames = self.frames if width * height <= LARGE_PIXELS else min(self.frames, fewest)
        return replace(self, frames=frames, frame_stride=frames - overlap)


LARGE_PIXELS = 2560 * 1472
"""Above, a temporal tile has 48 frames and not 80. Calculated: a decoded tile takes 6 bytes a pixel-frame in bfloat16,
and there are four at the height of it (two temporal tiles, the rows of the second, and their join): 7.2 GB at 1440p
with 80 frames, 16 GB at 2160p, 9.6 GB with 48. All of it is constant with the clip's length."""

GPU_WINDOWS = DecodeWindows(frames=80, frame_stride=56, pixels=768, pixel_stride=704)
"""For trained models: an overlap of 24 frames and 64 pixels. The library's 16 and 8 frames leave visible seams."""

CPU_WINDOWS = DecodeWindows(frames=24, frame_stride=16, pixels=512, pixel_stride=448)
"""For the micro model: a tile is decoded in a fraction of a second on one core, and 240p needs no spatial tiles."""


def stream_decode(
    vae: Any, latents: "torch.Tensor", windows: DecodeWindows, check: Callable[[], None]
) -> Iterator[Frame]:
    """All frames of one clip, RGB uint8 (height, width, 3), decoded as they are pulled.

    `latents` are (1, channels, latent frames, height / 32, width / 32), denormalised, on the VAE's device.
    `check` runs between tiles and between the decoder's blocks; what it raises ends the stream.
    """
    for chunk in decode_chunks(vae, latents, windows, check):
        for index in range(chunk.shape[2]):
            yield to_frame(chunk[0, :, index])


def decode_chunks(
    vae: Any, latents: "torch.Tensor", windows: DecodeWindows, check: Callable[[], None]
) -> Iterator["torch.Tensor"]:
    """The same as (1, 3, frames, height, width) chunks in the VAE's dtype, nominally -1..1.

    Joined along the frames they equal `vae.decode` with these windows and framewise decoding, bit for bit.
    """
    import torch

    windows.apply(vae)
    ratio = vae.temporal_compression_ratio
    size, stride = windows.frames // ratio, windows.frame_stride // ratio
    if latents.shape[2] <= size:
        yield _decode_tile(vae, latents, check)
        return
    remaining = (latents.shape[2] - 1) * ratio + 1
    previous: torch.Tensor | None = None
    for start in range(0, latents.shape[2], stride):
        tile = _decode_tile(vae, latents[:, :, start : start + size + 1], check)
        if previous is None:
            chunk = tile[:, :, : windows.frame_stride + 1]
        else:
            tile = tile[:, :, :-1]
            with torch.inference_mode():
                vae.blend_t(previous, tile, windows.frames - windows.frame_stride)  # in place
            chunk = tile[:, :, : windows.frame_stride]
        chunk = chunk[:, :, :remaining]
        remaining -= chunk.shape[2]
        previous = tile
        yield chunk


def _decode_tile(vae: Any, latents: "torch.Tensor", check: Callable[[], None]) -> "torch.Tensor":
    # The contexts close before anything is yielded: they belong to the thread, not to this generator.
    import torch

    check()
    with torch.inference_mode(), checked([vae.decoder], check):
        decoded: torch.Tensor = vae.decode(latents.to(vae.dtype), return_dict=False)[0]
    return decoded


def to_frame(picture: "torch.Tensor") -> Frame:
    """(3, height, width) in -1..1 to RGB uint8 (height, width, 3), rounded; values outside are clipped."""
    import torch

    scaled = (picture.float() * 0.5 + 0.5).clamp(0, 1).mul(255).round()
    return np.ascontiguousarray(scaled.to(torch.uint8).permute(1, 2, 0).cpu().numpy())


def decode_sound(pipeline: Any, latents: "torch.Tensor") -> NDArray[np.float32]:
    """As LTX2Pipeline does it, but with the vocoder and its input in float32: (channels, samples) in -1..1."""
    mel = pipeline.audio_vae.decode(latents.to(pipeline.audio_vae.dtype), return_dict=False)[0]
    samples: NDArray[np.float32] = pipeline.vocoder(mel.float())[0].cpu().numpy()
    return samples
