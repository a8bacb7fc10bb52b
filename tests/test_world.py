"""The drawn world: the same on every run, and what its captions say is what is in the pictures."""

import colorsys
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from ltx_mcp.micro import captions, draw, world
from ltx_mcp.micro.world import Colour, Kind, Motion, Scene, Style, Thing

HUES = {"red": 0, "orange": 30, "yellow": 54, "green": 128, "cyan": 184, "blue": 229, "purple": 281}  # degrees
SIZES = [(120, 208), (208, 120), (96, 96)]


def one(motion: Motion = "still", colour: Colour = "red", kind: Kind = "circle", style: Style = "flat") -> Scene:
    return Scene((Thing(kind, colour, "medium", motion, 0.2, -0.3),), "black", style=style)


def lit(frame: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where something brighter than any ground is."""
    return np.asarray(frame.max(2) > 90)


def centre(frame: NDArray[np.uint8]) -> tuple[float, float]:
    rows, columns = np.nonzero(lit(frame))
    return float(columns.mean()), float(rows.mean())


def test_a_seed_gives_the_same_scene_the_same_frames_and_the_same_words() -> None:
    for seed in range(20):
        assert world.scene(seed) == world.scene(seed)
    scene = world.wide_scene(5)
    assert np.array_equal(draw.frames(scene, 5, 64, 96), draw.frames(scene, 5, 64, 96))
    assert captions.captions(scene, 9) == captions.captions(scene, 9)


def test_scenes_do_not_depend_on_pythons_hash_seed() -> None:
    code = "from ltx_mcp.micro import world; print(sum(world.scene(s).held_out for s in range(300)))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1
    assert int(runs.pop()) > 0


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("motion", "across", "down"), [("left", -1, 0), ("right", 1, 0), ("up", 0, -1), ("down", 0, 1)]
)
def test_a_thing_goes_where_its_motion_says_in_every_shape_of_frame(
    motion: Motion, across: int, down: int, size: tuple[int, int]
) -> None:
    first, *_, last = (centre(frame) for frame in draw.frames(one(motion), 17, *size))
    moved = (last[0] - first[0], last[1] - first[1])
    assert abs(moved[0] - across * abs(moved[0])) < 1
    assert abs(moved[1] - down * abs(moved[1])) < 1
    assert max(map(abs, moved)) > 0.3 * min(size)


@pytest.mark.parametrize(("motion", "sign"), [("grow", 1), ("shrink", -1)])
def test_growing_grows_and_shrinking_shrinks(motion: Motion, sign: int) -> None:
    areas = [int(lit(frame).sum()) for frame in draw.frames(one(motion), 9, 96, 96)]
    assert areas == sorted(areas, reverse=sign < 0)
    assert max(areas) > 4 * min(areas)


def test_appearing_blinking_bouncing_and_orbiting_are_what_they_say() -> None:
    shown = {
        motion: [lit(frame).any() for frame in draw.frames(one(motion), 96, 64, 64)] for motion in ("appear", "blink")
    }
    assert not shown["appear"][0]
    assert shown["appear"][-1]
    assert sum(a != b for a, b in zip(shown["blink"], shown["blink"][1:], strict=False)) >= 3
    heights = np.array([centre(frame)[1] for frame in draw.frames(one("bounce"), 97, 64, 64)])
    assert np.abs(heights[48] - heights[0]) < 1  # on the ground after each 2 s beat, aloft between
    assert heights[0] - heights[24] > 20
    assert heights[96] - heights[72] > 20
    path = np.array([centre(frame) for frame in draw.frames(one("orbit"), 49, 64, 64)])
    assert np.ptp(path[:, 0]) > 15
    assert np.ptp(path[:, 1]) > 15
    assert np.abs(path[0] - path[-1]).max() < 1  # 2 s are one turn


@pytest.mark.parametrize(("camera", "sign"), [("pan left", 1), ("pan right", -1)])
def test_a_pan_moves_what_is_still_the_other_way(camera: world.Camera, sign: int) -> None:
    film = draw.frames(replace(one(), camera=camera), 9, 96, 160)
    assert sign * (centre(film[-1])[0] - centre(film[0])[0]) > 20


@pytest.mark.parametrize(("camera", "sign"), [("zoom in", 1), ("zoom out", -1)])
def test_a_zoom_changes_sizes(camera: world.Camera, sign: int) -> None:
    film = draw.frames(replace(one(), camera=camera), 9, 96, 160)
    assert sign * (int(lit(film[-1]).sum()) - int(lit(film[0]).sum())) > 300


@pytest.mark.parametrize(("colour", "style"), list(product(HUES, get_args(Style))))
def test_a_thing_has_the_hue_that_its_colour_names_in_every_style(colour: Colour, style: Style) -> None:
    frame = draw.frames(one(colour=colour, kind="square", style=style), 1, 120, 120)[0]
    strong = frame[frame.max(2) > 0.8 * frame.max()]
    hue = 360 * colorsys.rgb_to_hsv(*(np.median(strong, 0) / 255))[0]
    assert min(abs(hue - HUES[colour]), 360 - abs(hue - HUES[colour])) < 12


def test_every_kind_looks_different_from_every_other() -> None:
    drawn = [lit(draw.frames(one(kind=kind), 1, 96, 96)[0]) for kind in get_args(Kind)]
    for index, this in enumerate(drawn):
        for other in drawn[:index]:
            assert (this & other).sum() / (this | other).sum() < 0.9


def test_styles_and_grounds_change_the_picture_and_keep_the_place() -> None:
    flat = draw.frames(one(), 1, 120, 120)[0]
    for style in ("outline", "pixel", "watercolour", "night"):
        other = draw.frames(one(style=style), 1, 120, 120)[0]
        assert np.abs(other.astype(int) - flat).mean() > 0.5
        assert np.hypot(*np.subtract(centre(other), centre(flat))) < 3
    for backdrop in ("gradient", "stripes", "checks", "speckle"):
        other = draw.frames(replace(one(), backdrop=backdrop), 1, 120, 120)[0]
        assert other[~lit(flat)].std() > flat[~lit(flat)].std() + 2


def test_a_window_is_a_cut_from_the_whole() -> None:
    scene = replace(one("right"), backdrop="speckle")
    whole = draw.frames(scene, 9, 96, 128)
    part = draw.window(scene, range(3, 6), 9, (96, 128), (16, 32, 40, 48))
    assert np.array_equal(part, whole[3:6, 16:56, 32:80])


def said(words: str, table: dict[str, tuple[str, ...]]) -> set[str]:
    """What of the table a text names: the longest phrases first, so that "dark blue" is not blue."""
    found = set()
    rows = sorted(((phrase, name) for name, row in table.items() for phrase in row), key=lambda row: -len(row[0]))
    for phrase, name in rows:
        words, count = re.subn(rf"\b{re.escape(phrase)}\b", "", words)
        found |= {name} if count else set()
    return found


@pytest.mark.parametrize("held_out", [False, True])
def test_a_caption_names_exactly_what_is_drawn(held_out: bool) -> None:
    grounds = {f"ground {shade}": row for shade, row in captions.SHADES.items()}
    tables: list[dict[str, Sequence[str]]] = [
        dict(captions.KINDS),
        {**captions.COLOURS, **grounds},
        {name: (*captions.MOTIONS[name], *captions.VERBS[name]) for name in captions.MOTIONS},
    ]
    for seed in range(60):
        scene = world.wide_scene(seed)
        for text in [captions.plain_caption(scene), *captions.captions(scene, 4, held_out=held_out)]:
            kinds, colours, motions = (
                said(text, {name: tuple(row) for name, row in table.items()}) for table in tables
            )
            assert kinds == {thing.kind for thing in scene.things}, text
            assert {name for name in colours if "ground" not in name} == {thing.colour for thing in scene.things}, text
            assert {name for name in colours if "ground" in name} <= {f"ground {scene.shade}"}, text
            assert motions == {thing.motion for thing in scene.things}, text
            assert (scene.camera != "fixed") == bool(said(text, {k: tuple(v) for k, v in captions.CAMERAS.items()}))
            assert (scene.style != "flat") == bool(said(text, {k: tuple(v) for k, v in captions.STYLES.items()}))


def test_the_plain_caption_is_the_plain_sentence() -> None:
    assert captions.plain_caption(one("left")) == "a red circle moving left on a black background"


def test_training_never_sees_a_held_out_combination_or_phrasing() -> None:
    lot = np.random.default_rng(0)
    assert not any(world.scene(world.training_seed(lot)).held_out for _ in range(200))
    kept = {form for form in captions.PHRASINGS if form.held_out}
    assert 0.1 < len(kept) / len(captions.PHRASINGS) < 0.5
    combinations = [Thing(k, c, "small", m, 0, 0) for k, c, m in product(*map(get_args, (Kind, Colour, Motion)))]
    assert 0.05 < sum(thing.held_out for thing in combinations) / len(combinations) < 0.15
    core = [
        thing
        for thing in combinations
        if thing.kind in world.CORE_KINDS and thing.colour in world.CORE_COLOURS and thing.motion in world.CORE_MOTIONS
    ]
    assert any(thing.held_out for thing in core)  # a fact of the rule: "a red circle moving left" is one
    assert one("left").held_out


def test_the_world_needs_no_torch() -> None:
    code = (
        "import sys; from ltx_mcp.micro import captions, draw, training_clips, world; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
