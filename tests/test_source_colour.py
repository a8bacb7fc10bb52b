"""Colours of any coding are those of BT.709: gamuts, curves, matrices and ranges that cameras and programs write."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from media_kit import ffmpeg
from numpy.typing import NDArray
from source_kit import CORNERS, LAVFI, TO_2020, corner_colours, corners, hdr, shown

from ltx_mcp.media.footage import open_footage, read_video

TO_P3 = np.array([[0.8225, 0.1774, 0.0], [0.0332, 0.9669, 0.0], [0.0171, 0.0724, 0.9108]])  # from BT.709, both D65
FULL = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0))
SOFT = ((0.8, 0.3, 0.2), (0.3, 0.7, 0.3), (0.2, 0.3, 0.7), (0.9, 0.8, 0.7))


def wide(path: Path, colours: Sequence[Sequence[float]], to_gamut: NDArray[np.float64], matrix: str, tags: str) -> Path:
    """Half a second of four gamma-2.4 colours as numbers of a wider gamut, 10 bits, with these tags."""
    frame = np.zeros((180, 320, 3))
    frame[:90, :160], frame[:90, 160:], frame[90:, :160], frame[90:, 160:] = (np.array(each) for each in colours)
    numbers = np.round((frame**2.4 @ to_gamut.T).clip(0, 1) ** (1 / 2.4) * 65_535).astype("<u2")
    coded = (
        f"scale=out_color_matrix={matrix}:out_range=tv:flags=accurate_rnd,format=yuv444p10le,setparams=range=tv:{tags}"
    )
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb48le", "-s",
               "320x180", "-r", "10", "-i", "-", "-vf", coded, "-c:v", "libx264", "-qp", "4", path]  # fmt: skip
    subprocess.run(command, input=numbers.tobytes() * 5, check=True, capture_output=True, timeout=60)
    return path


P3 = "color_primaries=smpte432:color_trc=bt709:colorspace=bt709"
BT2020 = "color_primaries=bt2020:color_trc=bt2020-10:colorspace=bt2020nc"


@pytest.mark.parametrize(
    ("colours", "about"), [(FULL, 20), (SOFT, 4)]
)  # near black, a step of the file is many of ours
def test_wide_gamuts_are_brought_into_bt709(
    colours: Sequence[Sequence[float]], about: float, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    for name, to_gamut, matrix, tags in (("Display P3", TO_P3, "bt709", P3), ("BT.2020", TO_2020, "bt2020", BT2020)):
        with subtests.test(name):
            clip = shown(wide(tmp_path / "wide.mkv", colours, to_gamut, matrix, tags))
            assert np.abs(corner_colours(clip.middle()) - np.array(colours) * 255).max() <= about
            assert f"colours of {name} were brought into BT.709" in clip.notes


def test_pq_is_tone_mapped_as_hlg_is(tmp_path: Path) -> None:
    clip = shown(hdr("smpte2084")(tmp_path))
    wanted = ((253, 0, 0), (0, 253, 0), (0, 0, 253), (255, 255, 255))
    assert np.abs(corner_colours(clip.middle()) - wanted).max() <= 20  # blue has some red in it: PQ has few steps there
    assert corner_colours(clip.middle())[3] == pytest.approx((250, 252, 252), abs=8)
    assert "HDR (PQ, BT.2020) was tone-mapped" in clip.notes


def test_greys_of_hdr_are_those_of_sdr(tmp_path: Path) -> None:
    for transfer in ("arib-std-b67", "smpte2084"):
        clip = shown(hdr(transfer, [(grey, grey, grey) for grey in (0.2, 0.4, 0.6, 0.8)])(tmp_path))
        assert corner_colours(clip.middle())[:, 1] == pytest.approx([51, 102, 153, 204], abs=8)


CODED = {  # how the corners are coded, and what the file says
    "full range": ("scale=out_color_matrix=bt709:out_range=pc,format=yuv420p", "range=pc:colorspace=bt709", "640x360"),
    "BT.601 in HD": ("scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", "colorspace=smpte170m", "1280x720"),
    "BT.709 in SD": ("scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "colorspace=bt709", "640x360"),
    "BT.2020's matrix": ("scale=out_color_matrix=bt2020:out_range=tv,format=yuv420p",
                         "colorspace=bt2020nc:color_primaries=bt709:color_trc=bt709", "640x360"),
    "untagged SD": ("scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", "colorspace=unknown", "640x360"),
    "untagged and wide": ("scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "colorspace=unknown", "1280x534"),
    "untagged, upright": ("scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "colorspace=unknown", "720x1280"),
    "RGB": ("format=gbrp", "range=pc", "640x360"),
}  # fmt: skip


def test_matrix_and_range_are_read_as_they_are_said_or_by_the_size(tmp_path: Path, subtests: pytest.Subtests) -> None:
    for name, (coded, said, size) in CODED.items():
        path = tmp_path / "coded.mkv"
        exact = coded.replace(",", ":flags=accurate_rnd+full_chroma_inp,", 1) if "scale" in coded else coded
        ffmpeg(*LAVFI, corners(size, "10", 0.3), "-vf",
               f"format=gbrp,{exact},setparams={said}", "-c:v", "libx264", "-qp", 4, path)  # fmt: skip
        with subtests.test(name):
            assert np.abs(corner_colours(shown(path).middle()) - CORNERS).max() <= 4


def test_deep_colours_keep_theirs_where_the_sides_are_cropped(tmp_path: Path) -> None:
    path = tmp_path / "deep.mov"
    ffmpeg(*LAVFI, corners("720x576", "10", 0.3), "-c:v", "prores_ks", "-pix_fmt", "yuv422p10le", path)
    [frame] = read_video(open_footage(path, "deep"), 96, 77, 10.0, 1)  # of which a pixel is cropped on the left
    assert np.abs(corner_colours(frame) - CORNERS).max() <= 4


def test_transparency_of_any_codec_stands_on_white(tmp_path: Path, subtests: pytest.Subtests) -> None:
    half = "color=black@0:s=64x48:r=10:d=0.3,format=rgba,drawbox=0:0:32:48:red@1:t=fill:replace=1"
    for name, coded in {
        "it.mov": ("-c:v", "prores_ks", "-pix_fmt", "yuva444p10le"),
        "its.mov": ("-c:v", "qtrle"),
        "it.webm": ("-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", 0),
        "it.gif": ("-vf", "split[a][b];[a]palettegen[p];[b][p]paletteuse"),
        "it.mkv": ("-c:v", "png"),
    }.items():
        ffmpeg(*LAVFI, half, *coded, tmp_path / name)
        with subtests.test(name):
            frame = shown(tmp_path / name).middle().astype(float)
            assert frame[120, 280] == pytest.approx((255, 255, 255), abs=8)
            assert frame[120, 60] == pytest.approx((254, 0, 0), abs=20)
