"""The sound of the drawn world: what is heard is what is seen, in plain FFT terms."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ltx_mcp.micro.training import audio_measures, captions, films, sound, world
from ltx_mcp.micro.training.mel import MEL_BINS, mel
from ltx_mcp.micro.training.world import Film, Motion, Scene, Size, Thing

RATE = sound.SAMPLE_RATE


def one(motion: Motion = "still", size: Size = "large", x: float = 0.0, y: float = 0.0, phase: float = 0.0) -> Scene:
    return Scene((Thing("circle", "red", size, motion, x, y, phase),), "black")


@pytest.mark.parametrize(("y", "hz"), [(1.0, 300), (-1.0, 2400), (1 / 3, 600), (-1 / 3, 1200)])
def test_a_still_thing_sounds_as_high_as_it_stands(y: float, hz: float) -> None:
    heard = audio_measures.pitches(sound.wave(one(y=y), 1.0), RATE)
    assert len(heard) == 10
    assert np.array_equal(heard, [hz] * 10)


@pytest.mark.parametrize(
    ("motion", "trend"), [("up", "rising"), ("down", "falling"), ("left", "steady"), ("right", "steady")]
)
def test_the_pitch_goes_where_the_thing_goes(motion: Motion, trend: str) -> None:
    for duration_s in (1.0, 2.0, 5.0):
        assert audio_measures.trend(sound.wave(one(motion), duration_s), RATE) == trend


def test_what_moves_right_is_heard_to_move_right() -> None:
    left, right = sound.wave(one("right"), 2.0).reshape(2, 2, -1).swapaxes(0, 1)  # the two halves of the clip
    early, late = (audio_measures.loudness_db(half[1]) - audio_measures.loudness_db(half[0]) for half in (left, right))
    assert early < -3
    assert late > 3


def test_large_is_loud_and_small_is_soft() -> None:
    small, medium, large = (
        audio_measures.loudness_db(sound.wave(one(size=size), 1.0)) for size in ("small", "medium", "large")
    )
    assert large > medium + 3
    assert medium > small + 3
    assert small > audio_measures.SILENT_DB + 10


def test_growing_swells_blinking_beeps_and_appearing_sets_in() -> None:
    swell = [audio_measures.loudness_db(part) for part in np.split(sound.wave(one("grow"), 2.0), 4, axis=1)]
    assert swell == sorted(swell)
    assert swell[-1] > swell[0] + 4
    beeps = audio_measures.pitches(sound.wave(one("blink"), 4.0), RATE) > 0
    assert np.count_nonzero(np.diff(beeps.astype(int))) == 4  # off and on again, twice
    late = audio_measures.pitches(sound.wave(one("appear"), 2.0), RATE) > 0
    assert not late[:8].any()
    assert late[9:].all()


def test_each_landing_clicks_once_and_nothing_else_does() -> None:
    assert audio_measures.clicks(sound.wave(one("bounce", phase=0.75), 5.0), RATE) == pytest.approx([0.5, 2.5, 4.5])
    assert audio_measures.clicks(sound.wave(one("up"), 5.0), RATE) == []


def test_a_silent_scene_is_digital_silence() -> None:
    quiet = replace(one("bounce"), silent=True)
    assert not sound.wave(quiet, 2.0).any()
    assert audio_measures.trend(sound.wave(quiet, 2.0), RATE) == "silent"


def test_a_share_of_the_scenes_is_silent_and_no_sound_clips() -> None:
    scenes = [world.scene(seed) for seed in range(400)]
    assert 0.08 < sum(scene.silent for scene in scenes) / 400 < 0.18
    assert max(np.abs(sound.wave(scene, 2.0)).max() for scene in scenes[:60]) < 1


def test_every_frame_of_a_held_tone_is_the_same_wave() -> None:
    frames = sound.wave(one(), 0.5)[0].reshape(-1, sound.HOP)
    assert np.abs(frames - frames[0]).max() < 1e-6


def test_a_part_of_a_scene_is_a_cut_from_the_whole() -> None:
    scene = world.wide_scene(29)
    whole = sound.strengths(scene, 3.0, range(300))
    assert np.array_equal(sound.strengths(scene, 3.0, range(120, 200)), whole[:, 120:200])


def test_a_film_sounds_as_each_scene_does_alone_in_its_own_stretch() -> None:
    before, after = one("up"), one("bounce", phase=0.75)
    heard = films.wave(Film((before, after), (1, 2)), 72)
    assert heard.shape == (2, 3 * RATE)
    assert np.array_equal(heard[:, :RATE], sound.wave(before, 1.0))
    assert np.array_equal(heard[:, RATE:], sound.wave(after, 2.0))
    assert audio_measures.clicks(heard, RATE) == pytest.approx([1.5])  # beats count from the cut


def test_a_film_falls_silent_in_the_moment_of_its_cut() -> None:
    film = Film((one(), replace(one(), silent=True)), (3, 2))
    for count in (25, 49, 97):
        cut = film.stretches(count)[1][1].start / 24 * RATE
        heard = np.flatnonzero(films.wave(film, count)[0])
        assert abs(heard[-1] - cut) <= sound.HOP
        assert films.wave(film, count).shape == (2, round(count / 24 * sound.FRAME_RATE) * sound.HOP)


def test_no_cut_clicks_even_where_no_frame_of_the_sound_begins() -> None:
    for before, after in ((one(y=1.0), one(y=0.8)), (one(y=0.8), one(x=0.9, y=1.0)), (one("down"), one(y=1.0))):
        heard = films.wave(Film((before, after), (2, 3)), 50)  # the picture changes at 0.8333 s
        assert audio_measures.clicks(heard, RATE) == []
        around = heard[:, int(0.81 * RATE) : int(0.86 * RATE)]
        steepest = 2 * np.pi * 400 / RATE * sound.LOUDEST  # of the highest tone here
        assert np.abs(np.diff(around)).max() < steepest


def test_no_two_pitches_look_alike_in_the_mel_spectrum_and_silence_is_zero() -> None:
    strength = np.eye(len(sound.WAVES))[None, :, None] * np.ones((2, 1, 9, 1)) * 0.2
    spectra = np.stack([mel(sound.render(strength[:, row]))[0, 4] for row in range(len(sound.WAVES))])
    assert spectra.shape == (len(sound.WAVES), MEL_BINS)
    distances = np.linalg.norm(spectra[:, None] - spectra[None], axis=-1) + 9 * np.eye(len(spectra))
    assert distances.min() > 2
    assert not mel(np.zeros((2, 1600))).any()


def test_captions_call_silence_by_name_and_tell_only_true_tones() -> None:
    rng = np.random.default_rng(0)
    quiet, loud = replace(one("up"), silent=True), one("up", y=0.9)
    for text in [captions.plain_caption(quiet), *(captions.caption(quiet, rng) for _ in range(40))]:
        assert any(word in text for word in captions.SILENCE), text
    told = [captions.caption(loud, rng) for _ in range(200)]
    named = [text for text in told if any(words in text for words in captions.SOUNDS["up"])]
    assert 0.15 < len(named) / 200 < 0.5
    assert not any(word in " ".join(told) for word in (*captions.SILENCE, "falling"))
    assert [captions.level(one(y=y).things[0]) for y in (0.9, 0, -0.9)] == ["low", "middle", "high"]


def test_sound_needs_no_torch() -> None:
    modules = "audio_latents, audio_measures, mel, sound"
    code = f"import sys; from ltx_mcp.micro.training import {modules}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
