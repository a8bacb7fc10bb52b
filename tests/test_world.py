"""The drawn world: the same on every run, and what its captions say is what is in the pictures."""

import colorsys
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from ltx_mcp.micro.training import captions, draw, films, world
from ltx_mcp.micro.training.world import Colour, Film, Kind, Motion, Scene, Style, Thing

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
    code = "from ltx_mcp.micro.training import world; print(sum(world.scene(s).held_out for s in range(300)))"
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


def assert_names_exactly(text: str, scene: Scene) -> None:
    grounds = {f"ground {shade}": row for shade, row in captions.SHADES.items()}
    tables: list[dict[str, Sequence[str]]] = [
        dict(captions.KINDS),
        {**captions.COLOURS, **grounds},
        {name: (*captions.MOTIONS[name], *captions.VERBS[name]) for name in captions.MOTIONS},
    ]
    kinds, colours, motions = (said(text, {name: tuple(row) for name, row in table.items()}) for table in tables)
    assert kinds == {thing.kind for thing in scene.things}, text
    assert {name for name in colours if "ground" not in name} == {thing.colour for thing in scene.things}, text
    assert {name for name in colours if "ground" in name} <= {f"ground {scene.shade}"}, text
    assert motions == {thing.motion for thing in scene.things}, text
    assert (scene.camera != "fixed") == bool(said(text, {k: tuple(v) for k, v in captions.CAMERAS.items()}))
    assert (scene.style != "flat") == bool(said(text, {k: tuple(v) for k, v in captions.STYLES.items()}))


@pytest.mark.parametrize("held_out", [False, True])
def test_a_caption_names_exactly_what_is_drawn(held_out: bool) -> None:
    for seed in range(60):
        scene = world.wide_scene(seed)
        for text in [captions.plain_caption(scene), *captions.captions(scene, 4, held_out=held_out)]:
            assert_names_exactly(text, scene)


def test_the_plain_caption_is_the_plain_sentence() -> None:
    assert captions.plain_caption(one("left")) == "a red circle moving left on a black background"


def test_training_never_sees_a_held_out_combination_or_phrasing() -> None:
    rng = np.random.default_rng(0)
    assert not any(world.scene(world.training_seed(rng)).held_out for _ in range(200))
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


def test_a_film_is_the_same_for_a_seed_and_every_cut_is_seen() -> None:
    for seed in range(40):
        film = world.film(seed)
        assert film == world.film(seed)
        assert 2 <= len(film.scenes) <= 3
        shown = film.stretches(97)
        assert [index for _, stretch in shown for index in stretch] == list(range(97))
        assert all(len(stretch) > 97 / 6 for _, stretch in shown)
        for before, after in pairwise(film.scenes):
            assert not {thing.colour for thing in before.things} & {thing.colour for thing in after.things}


def test_a_film_shows_each_scene_as_if_alone_with_nothing_between() -> None:
    before, after = one("left"), replace(one("bounce", "blue", "square"), camera="zoom in")
    film = films.frames(Film((before, after), (2, 1)), 36, 48, 64)
    assert film.shape == (36, 48, 64, 3)
    assert np.array_equal(film[:24], draw.frames(before, 24, 48, 64))
    assert np.array_equal(film[24:], draw.frames(after, 12, 48, 64))


def test_some_frames_of_a_film_are_those_of_the_whole() -> None:
    film = world.film(3)
    whole = films.frames(film, 25, 96, 128)
    for indices in ([0, 7, 12, 13, 24], [24], range(25)):
        part = films.window(film, indices, 25, (96, 128), (16, 32, 40, 48))
        assert np.array_equal(part, whole[list(indices), 16:56, 32:80])


def test_a_film_too_short_for_a_scene_leaves_it_out() -> None:
    film = Film((one(), one(colour="blue"), one(colour="green")), (9, 1, 9))
    assert [len(stretch) for _, stretch in film.stretches(2)] == [1, 1]
    assert len(films.frames(film, 1, 32, 32)) == 1


def test_a_film_is_held_out_if_one_of_its_scenes_is() -> None:
    kept, free = one("left"), one("up")
    assert kept.held_out
    assert not free.held_out
    assert Film((free, kept), (1, 1)).held_out
    assert not Film((free, free), (1, 1)).held_out
    assert 0 < sum(world.film(seed).held_out for seed in range(100)) < 60


def test_the_plain_caption_of_a_film_says_one_scene_then_the_other() -> None:
    film = Film((one("left"), one("up", "blue", "square")), (1, 1))
    said = "a red circle moving left on a black background, then a blue square moving up on a black background"
    assert films.plain_caption(film) == said


def test_a_film_caption_names_what_each_scene_shows_in_the_order_of_the_scenes() -> None:
    rng = np.random.default_rng(0)
    for number, phrasing in enumerate(films.PHRASINGS[::29]):
        film = world.film(number)
        text = films.say(film, phrasing, rng)
        parts = text.removeprefix(phrasing.opening).split(phrasing.cut)
        assert len(parts) == len(film.scenes)
        for part, scene in zip(parts, film.scenes, strict=True):
            assert_names_exactly(part, scene)


def test_films_for_training_are_never_said_in_a_phrasing_kept_for_tests() -> None:
    kept = [phrasing for phrasing in films.PHRASINGS if phrasing.held_out]
    assert 0.1 < len(kept) / len(films.PHRASINGS) < 0.5
    assert all(phrasing.held_out for phrasing in films.PHRASINGS if phrasing.scene.held_out)
    assert any(not phrasing.scene.held_out for phrasing in kept)
    plain = Film((one("left"), one("up", "blue")), (1, 1))
    for held_out in (False, True):
        rng, again = np.random.default_rng(1), np.random.default_rng(1)
        fit = [phrasing for phrasing in films.PHRASINGS if phrasing.held_out == held_out]
        for _ in range(40):
            text = films.caption(plain, rng, held_out=held_out)
            assert text == films.say(plain, fit[int(again.integers(len(fit)))], again)


def test_the_world_needs_no_torch() -> None:
    modules = "films, labelled_images, training_clips"
    code = f"import sys; from ltx_mcp.micro.training import {modules}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
