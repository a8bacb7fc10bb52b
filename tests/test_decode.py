"""The streamed decode is the library's own tiled decode, and holds two tiles however long the clip."""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from ltx_mcp.engine.diffusers_ltx.decode import GPU_WINDOWS, DecodeWindows, decode_chunks, stream_decode, to_frame
from ltx_mcp.errors import Cancelled
from ltx_mcp.micro.build import build

WINDOWS = DecodeWindows(frames=24, frame_stride=16, pixels=64, pixel_stride=32)
ROOMY = DecodeWindows(frames=24, frame_stride=16, pixels=512, pixel_stride=448)


@pytest.fixture(scope="module")
def vae() -> Any:
    return build()["vae"]


def latents_of(frames: int, height: int = 3, width: int = 5) -> torch.Tensor:
    return torch.randn(1, 128, frames, height, width, generator=torch.Generator().manual_seed(frames))


def library_decode(vae: Any, latents: torch.Tensor, windows: DecodeWindows) -> torch.Tensor:
    vae.enable_tiling(
        tile_sample_min_height=windows.pixels,
        tile_sample_min_width=windows.pixels,
        tile_sample_min_num_frames=windows.frames,
        tile_sample_stride_height=windows.pixel_stride,
        tile_sample_stride_width=windows.pixel_stride,
        tile_sample_stride_num_frames=windows.frame_stride,
    )
    vae.use_framewise_decoding = True
    with torch.inference_mode():
        decoded: torch.Tensor = vae.decode(latents, return_dict=False)[0]
    return decoded


def go_on() -> None:
    """A check that never cancels."""


BLENDED = DecodeWindows(frames=32, frame_stride=8, pixels=96, pixel_stride=64)  # each frame in up to four tiles


# Latent frames: shorter than a tile, exactly one tile, one more, tails of every length, several tiles.
@pytest.mark.parametrize(
    ("windows", "frames"),
    [
        pytest.param(windows, frames, marks=[] if frames in quick else pytest.mark.slow)
        for windows, quick in ((WINDOWS, {1, 3, 4, 6}), (ROOMY, {5}), (BLENDED, {2, 4}))
        for frames in (1, 2, 3, 4, 5, 6, 7, 8, 13)
    ],
)
def test_the_chunks_joined_are_the_librarys_tiled_decode_bit_for_bit(
    vae: Any, windows: DecodeWindows, frames: int
) -> None:
    latents = latents_of(frames, height=2, width=4)
    streamed = torch.cat([chunk.clone() for chunk in decode_chunks(vae, latents, windows, go_on)], dim=2)
    assert streamed.shape == (1, 3, 8 * (frames - 1) + 1, 64, 128)
    assert torch.equal(streamed, library_decode(vae, latents, windows))


def test_frames_are_the_rounded_pictures(vae: Any) -> None:
    latents = latents_of(4)
    frames = list(stream_decode(vae, latents, WINDOWS, go_on))
    whole = library_decode(vae, latents, WINDOWS)
    assert len(frames) == 25
    assert frames[0].dtype == np.uint8
    assert frames[0].shape == (96, 160, 3)
    assert frames[0].flags.c_contiguous
    expected = np.rint(np.clip(whole[0, :, 17].numpy() * 0.5 + 0.5, 0, 1) * 255).astype(np.uint8)
    assert np.array_equal(frames[17], expected.transpose(1, 2, 0))


def test_black_grey_and_white_have_their_bytes() -> None:
    picture = torch.tensor([-1.5, -1.0, 0.0, 1.0, 2.0]).expand(3, 1, 5)
    assert to_frame(picture)[0, :, 0].tolist() == [0, 0, 128, 255, 255]


@pytest.mark.slow
def test_two_tiles_are_alive_at_most(vae: Any) -> None:
    def alive() -> int:
        gc.collect()
        pictures = [
            each for each in gc.get_objects() if issubclass(type(each), torch.Tensor) and each.shape[:2] == (1, 3)
        ]
        return len({picture.untyped_storage().data_ptr() for picture in pictures})

    counts = [alive() for _ in decode_chunks(vae, latents_of(17), ROOMY, go_on)]
    assert len(counts) == 9
    assert max(counts) <= 2


@pytest.mark.slow
def test_of_a_picture_in_many_spatial_tiles_little_more_than_itself_is_held(vae: Any) -> None:
    tiles, held = iter(range(1, 10**6)), []

    def pictures(*_: Any) -> None:
        if next(tiles) % 12 == 0:  # the last of a temporal tile
            every = [each for each in gc.get_objects() if issubclass(type(each), torch.Tensor)]
            stores = [each.untyped_storage() for each in every if each.shape[:2] == (1, 3)]
            held.append(sum({store.data_ptr(): store.nbytes() for store in stores}.values()))

    hook = vae.decoder.register_forward_pre_hook(pictures)
    try:
        list(stream_decode(vae, latents_of(7, 6, 8), DecodeWindows(24, 8, 96, 64), go_on))
    finally:
        hook.remove()
    assert len(held) > 3
    frame = 3 * 4 * (6 * 32) * (8 * 32)
    blended = 16
    assert max(held) < (25 + blended) * frame * 1.4, "the library holds four times the 25 frames of a tile"


def test_large_pictures_are_decoded_in_shorter_windows_with_as_much_blended() -> None:
    assert GPU_WINDOWS.within(1920, 1088) == GPU_WINDOWS.within(2560, 1472) == GPU_WINDOWS
    large = GPU_WINDOWS.within(3840, 2176)
    assert (large.frames, large.frame_stride, large.pixels) == (48, 24, 768)
    assert large.frames - large.frame_stride == GPU_WINDOWS.frames - GPU_WINDOWS.frame_stride
    assert 6 * (3840 * 2176 * (large.frames + 1 + 24) + 768 * 768 * (large.frames + 1)) < 4e9


def test_inference_mode_does_not_leak_to_the_consumer(vae: Any) -> None:
    for _ in decode_chunks(vae, latents_of(5), ROOMY, go_on):
        assert not torch.is_inference_mode_enabled()


def cancel_on(nth: int) -> tuple[Callable[[], None], Iterator[int]]:
    calls = iter(range(1, 10**9))

    def check() -> None:
        if next(calls) >= nth:
            raise Cancelled

    return check, calls


@pytest.mark.parametrize("nth", [1, 2, 10, 60])
def test_a_cancel_ends_the_stream_at_once_and_leaves_no_hook_behind(vae: Any, nth: int) -> None:
    check, calls = cancel_on(nth)
    with pytest.raises(Cancelled):
        list(stream_decode(vae, latents_of(9), ROOMY, check))
    assert next(calls) == nth + 1
    assert not any(module._forward_pre_hooks for module in vae.modules())


def test_the_check_runs_between_the_decoders_blocks(vae: Any) -> None:
    check, calls = cancel_on(10**8)
    list(stream_decode(vae, latents_of(2), ROOMY, check))
    assert next(calls) > 10
