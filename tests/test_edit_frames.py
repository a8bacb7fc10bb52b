"""The frames of a film: each is the right one, however its sources are coded. Counted in films of numbered greys."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from edit_kit import a_film, greys, plain, rendered, still, video
from media_kit import ffmpeg, film, number, write_counting

from ltx_mcp.edit.segments import film_frames
from ltx_mcp.errors import BadInput, MediaError

TRANSITIONS = ("dissolve", "fade_black", "fade_white", "wipe_left", "slide_left")


def test_cuts_fall_on_exact_frames(tmp_path: Path) -> None:
    counting = video(write_counting(tmp_path / "a.mp4"))
    cut = a_film((counting, {"start_s": 0.3, "duration_s": 0.5}), (plain(255), {"duration_s": 0.3}), (counting, {}))
    assert [number(frame) for frame in rendered(cut, tmp_path / "work")] == [*range(3, 8), *[26] * 3, *range(25)]


def test_speed_and_rate_choose_what_is_on_screen(tmp_path: Path) -> None:
    counting = video(write_counting(tmp_path / "a.mp4"))  # 10 fps
    fast = a_film((counting, {"speed": 2, "duration_s": 0.5}), (counting, {"speed": 0.5, "duration_s": 0.6}))
    assert [number(frame) for frame in rendered(fast, tmp_path / "work")] == [0, 2, 4, 6, 8, 0, 0, 1, 1, 2, 2]
    film_25 = a_film((counting, {"start_s": 0.4, "duration_s": 0.4}), fps=25)
    assert [number(frame) for frame in rendered(film_25, tmp_path / "work")] == [4, 4, 4, 5, 5, 6, 6, 6, 7, 7]


@pytest.mark.parametrize("transition", TRANSITIONS)
def test_a_transition_begins_with_one_shot_and_leads_to_the_other(transition: str, tmp_path: Path) -> None:
    counting = video(write_counting(tmp_path / "a.mp4"))
    joined = a_film(
        (counting, {"duration_s": 1.0}),
        (counting, {"start_s": 1.2, "duration_s": 1.0, "transition": transition, "transition_s": 0.4}),
    )
    frames = rendered(joined, tmp_path / "work")
    numbers = [number(frame) for frame in frames]
    assert len(frames) == 16
    assert numbers[:7] == list(range(7))  # the first frame of the transition is still all of the first shot
    assert numbers[10:] == list(range(16, 22))  # the frame after it is all of the second
    own = [greys([frames[place]])[0] for place in (7, 8, 9)]
    if transition in ("dissolve", "wipe_left", "slide_left"):
        assert all(before < after for before, after in pairwise([60, *own, 160]))
    elif transition == "fade_black":
        assert min(own) < 50
    else:
        assert max(own) > 180


def test_stills_hold_and_move(tmp_path: Path) -> None:
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 48, axis=0).repeat(3, axis=2)
    held = rendered(a_film((still(ramp), {"duration_s": 0.4})), tmp_path / "work")
    assert all((frame == held[0]).all() for frame in held)
    for motion, sign in (("pan_left", -1), ("pan_right", 1)):
        moved = rendered(a_film((still(ramp), {"duration_s": 0.5, "motion": motion})), tmp_path / "work")
        assert all(sign * (after - before) > 1 for before, after in pairwise(float(frame.mean()) for frame in moved))
    pushed = rendered(a_film((still(ramp), {"duration_s": 0.5, "motion": "push_in"})), tmp_path / "work")
    spread = [float(frame.std()) for frame in pushed]
    assert all(after < before for before, after in pairwise(spread))
    pulled = rendered(a_film((still(ramp), {"duration_s": 0.5, "motion": "pull_out"})), tmp_path / "work")
    assert np.allclose([float(frame.std()) for frame in pulled], spread[::-1], atol=1.5)


def test_motion_goes_on_through_a_transition(tmp_path: Path) -> None:
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 48, axis=0).repeat(3, axis=2)
    whole = rendered(a_film((still(ramp), {"duration_s": 1, "motion": "pan_right"})), tmp_path / "work")
    after = a_film(
        (plain(0), {"duration_s": 0.5}),
        (still(ramp), {"duration_s": 1, "motion": "pan_right", "transition": "dissolve", "transition_s": 0.3}),
    )
    assert greys(rendered(after, tmp_path / "work"))[5:] == greys(whole)[3:]


@pytest.mark.parametrize("fit", ["crop", "pad", "blur"])
def test_shapes_meet(fit: str, tmp_path: Path) -> None:
    tall = plain((200, 40, 40), (30, 60))
    [frame] = rendered(a_film((tall, {"duration_s": 0.1}), fit=fit), tmp_path / "work")  # type: ignore[arg-type]
    assert frame.shape == (48, 64, 3)
    middle, side = frame[24, 32], frame[24, 4]
    assert np.abs(middle.astype(int) - (200, 40, 40)).max() < 4
    expected = {"crop": (200, 40, 40), "pad": (0, 0, 0), "blur": (140, 28, 28)}[fit]
    assert np.abs(side.astype(int) - expected).max() < 6


@pytest.mark.parametrize("size", [(1, 1), (3, 5000), (1, 200)])
@pytest.mark.parametrize("fit", ["crop", "pad", "blur"])
def test_odd_stills_have_a_place(size: tuple[int, int], fit: str, tmp_path: Path) -> None:
    film = a_film((plain(90, size), {"duration_s": 0.2, "motion": "push_in"}), fit=fit)  # type: ignore[arg-type]
    assert [frame.shape for frame in rendered(film, tmp_path / "work")] == [(48, 64, 3)] * 2


def test_a_rotated_video_stands_upright(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=red:s=60x30:r=10:d=0.5", tmp_path / "flat.mp4")
    ffmpeg("-display_rotation", 90, "-i", tmp_path / "flat.mp4", "-c", "copy", tmp_path / "tall.mp4")
    [frame] = rendered(a_film((video(tmp_path / "tall.mp4"), {"duration_s": 0.1}), fit="pad"), tmp_path / "work")
    assert frame[24, 32, 0] > 200
    assert frame[24, 4].max() < 10


def test_full_range_and_limited_range_show_the_same_grey(tmp_path: Path) -> None:
    for name, span in (("full", "pc"), ("limited", "tv")):
        look = f"scale=out_range={span},format=yuv420p,setparams=range={span}:colorspace=bt709"
        ffmpeg("-f", "lavfi", "-i", "color=0x404040:s=64x48:r=10:d=0.2", "-vf", look, "-color_range", span,
               "-c:v", "libx264", "-qp", 1, tmp_path / f"{name}.mp4")  # fmt: skip
    film = a_film(*[(video(tmp_path / f"{name}.mp4"), {"duration_s": 0.2}) for name in ("full", "limited")])
    assert all(abs(grey - 64) <= 2 for grey in greys(rendered(film, tmp_path / "work")))


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_tone_mapped(transfer: str, tmp_path: Path) -> None:
    """White of 203 nits is SDR's white, not the grey that PQ's numbers would be."""
    code = {"smpte2084": 0.58, "arib-std-b67": 0.75}[transfer]  # of 203 nits (ITU-R BT.2408)
    level = round(64 + code * 876)
    path = tmp_path / "hdr.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=gray:s=64x48:r=10:d=0.2", "-vf",
           f"format=yuv420p10le,lutyuv=y={level}:u=512:v=512,"
           f"setparams=range=tv:color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc",
           "-c:v", "libx265", "-x265-params",
           f"log-level=none:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc", path)  # fmt: skip
    assert video(path).footage.source.video.colour.is_hdr
    [grey, *_] = greys(rendered(a_film((video(path), {"duration_s": 0.2})), tmp_path / "work"))
    assert 190 < grey <= 255


def test_fields_are_joined(tmp_path: Path) -> None:
    path = tmp_path / "fields.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:r=50:d=0.5", "-vf", "interlace=scan=tff:lowpass=0",
           "-flags", "+ildct+ilme", "-c:v", "libx264", path)  # fmt: skip
    assert video(path).footage.source.video.interlaced
    assert len(rendered(a_film((video(path), {"duration_s": 0.4})), tmp_path / "work")) == 4


def test_real_footage_of_any_rate_and_shape(tmp_path: Path) -> None:
    sources = [video(film("bigbuckbunny.mp4")), video(film("bikes.mp4"))]
    mixed = a_film(
        (sources[0], {"start_s": 1, "duration_s": 0.5}),
        (sources[1], {"duration_s": 0.5, "transition": "dissolve", "transition_s": 0.2}),
        fps=60,
        size=(160, 90),
        fit="blur",
    )
    frames = rendered(mixed, tmp_path / "work")
    assert len(frames) == mixed.frames == 48
    assert np.abs(frames[0].astype(int) - frames[-1].astype(int)).mean() > 20


def test_a_film_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    frames = film_frames(a_film((plain(9), {"duration_s": 5, "motion": "push_in"}), (plain(90), {})), work)
    next(frames)
    frames.close()
    assert not list(work.iterdir())


def test_a_still_that_is_gone_names_its_shot(tmp_path: Path) -> None:
    def gone() -> np.ndarray:
        raise BadInput("b.png cannot be read: No such file or directory.")

    from ltx_mcp.edit.sources import StillSource

    film = a_film((plain(9), {"duration_s": 0.2}), (StillSource((8, 8), gone), {"duration_s": 0.2}))
    with pytest.raises(BadInput, match=r"Shot 2: b\.png cannot be read"):
        list(film_frames(film, tmp_path))


def test_a_video_that_breaks_meanwhile_names_its_shot(tmp_path: Path) -> None:
    path = write_counting(tmp_path / "a.mp4")
    film = a_film((plain(9), {"duration_s": 0.2}), (video(path), {}))
    path.write_bytes(b"\0" * 1000)
    with pytest.raises(MediaError, match="Shot 2: "):
        list(film_frames(film, tmp_path))
