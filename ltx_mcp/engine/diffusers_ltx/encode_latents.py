"""A video to latents, a few frames at a time: exactly what the VAE's encoder makes of the whole, in constant memory.

The encoder (diffusers 0.42.1, AutoencoderKLLTX2Video) looks only back in time, so a later chunk needs nothing of an
earlier one but the last frames that each of its layers saw. The library's own framewise encode blends overlapping
tiles instead, which gives other numbers.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.types.frames import Frame

if TYPE_CHECKING:
    import torch

Prepare = Callable[[Sequence[Frame]], NDArray[np.uint8]]

LEAST_FRAMES, MOST_FRAMES = 8, 32  # of a chunk, in eights; eight cost 1.4 times the whole's operations, 32 cost 1.1
CHUNK_PIXELS = 16 * 1920 * 1088  # times LTX-2.3's 256 channels at 1/16 of the pixels: 1.1 GB a layer in bfloat16


def encode_video(
    vae: Any, frames: Sequence[Frame], device: "torch.device", prepare: Prepare = np.stack
) -> "torch.Tensor":
    """Denormalised latents (1, C, F / 8 + 1, height / 32, width / 32) of 8k+1 frames, in float32.

    `prepare` makes a run of frames one array (frames, height, width, 3) of the size to encode; it is called for one
    chunk at a time. The latents are the mode of the VAE's distribution, so there is no randomness.
    """
    import torch

    disable_tiling(vae)
    height, width = prepare(frames[:1]).shape[1:3]
    edges = [0, *range(1, len(frames), _chunk_frames(height, width)), len(frames)]
    parts = []
    with _remembering(vae.encoder):
        for start, end in pairwise(edges):
            pixels = torch.from_numpy(prepare(frames[start:end])).to(device=device, dtype=torch.float32) / 127.5 - 1
            pixels = pixels.permute(3, 0, 1, 2)[None].to(vae.dtype)
            parts.append(vae.encode(pixels, return_dict=False)[0].mode().float())
    return torch.cat(parts, dim=2)


def _chunk_frames(height: int, width: int) -> int:
    return min(MOST_FRAMES, max(LEAST_FRAMES, CHUNK_PIXELS // (height * width) // 8 * 8))


def disable_tiling(vae: Any) -> None:
    """Turn tiling off, which a decode may have left on: an encode then never depends on what was made before."""
    vae.disable_tiling()
    vae.use_framewise_decoding = False  # it switches the encode as well


@contextmanager
def _remembering(encoder: "torch.nn.Module") -> Iterator[None]:
    """While in force, each call of the encoder continues the video of the call before."""
    with ExitStack() as hooks:
        for layer, stride in _layers_in_time(encoder):
            memory = _Memory(stride)
            hooks.callback(layer.register_forward_pre_hook(memory.before).remove)
            hooks.callback(layer.register_forward_hook(memory.after).remove)
        yield


def _layers_in_time(encoder: "torch.nn.Module") -> "Iterator[tuple[torch.nn.Module, int]]":
    """The layers that look back in time, outermost first found, with their temporal stride."""
    from diffusers.models.autoencoders import autoencoder_kl_ltx2 as library

    for child in encoder.children():
        if isinstance(child, library.LTX2VideoDownsampler3d):
            yield child, child.stride[0]
        elif isinstance(child, library.LTX2VideoCausalConv3d):
            yield child, child.conv.stride[0]
        else:
            yield from _layers_in_time(child)


class _Memory:
    """Gives a layer the last frames it saw before the new ones, and drops what it makes of them.

    Both kinds of layer have a kernel of three frames and pad the beginning with copies of the first: the
    convolution two, the downsampler `stride - 1` and two more. Behind `stride + 1` old frames the new ones meet what
    they met in the whole, and the old come out as two frames.
    """

    DROP = 2

    def __init__(self, stride: int) -> None:
        self._frames = stride + 1
        self._old: torch.Tensor | None = None
        self._continued = False

    def before(self, _layer: "torch.nn.Module", inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        import torch

        new = inputs[0]
        self._continued = self._old is not None
        old = new[:, :, :1].expand(-1, -1, self._frames, -1, -1) if self._old is None else self._old
        both = torch.cat([old, new], dim=2)
        self._old = both[:, :, -self._frames :].clone()
        return (both if self._continued else new, *inputs[1:])

    def after(self, _layer: "torch.nn.Module", _inputs: Any, output: "torch.Tensor") -> "torch.Tensor":
        return output[:, :, self.DROP :] if self._continued else output
