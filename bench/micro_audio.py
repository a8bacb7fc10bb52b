"""The micro model's sound after encode -> latents -> decode -> vocoder, judged by plain signal processing.

    python bench/micro_audio.py [--weights FOLDER] [--scenes N] [--dry-run]

The scenes are held-out combinations of kind, colour and motion (sound only knows the motion, so the seeds are what is
new), each as long as 49 frames at 24 fps. Heard in the original at 16 kHz and in the round trip at 48 kHz, also with
noise on the latents, in shares of each channel's spread: that is what a transformer's errors are like.

- pitch: of the 0.1 s windows with a tone, those whose strongest tone is, to the nearest pitch, the strongest that the
  scene has there, or within 3 dB of it.
- course: of the single things that move straight, those heard to rise, fall or keep their pitch as they do.
- level: mean difference of the whole clip's RMS in dB. order: of single things in three sizes, those heard in order.
- clicks: landings heard within 20 ms, and clicks heard where there is none.
- silence: the loudest RMS of a silent scene, in dB below full scale.

`--dry-run` plays half a second of one scene without noise.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import diffusers
import numpy as np
import torch

from ltx_mcp.micro import audio
from ltx_mcp.micro.training import audio_latents, audio_measures, sound, world
from ltx_mcp.micro.training.world import Scene, Size

DURATION_S = 49 / 24
NOISES = (0.0, 0.1, 0.3)
PLAYED = 48_000  # Hz
FRAMES = 10  # of a 0.1 s window
AUDIBLE = 2e-4  # summed power of both channels: about -40 dB
SIZED = 10  # scenes that are played in three sizes
STRAIGHT = ("left", "right", "up", "down")


def held_out(make: Any, count: int) -> Iterator[Scene]:
    seed = 0
    while count:
        scene = make(seed)
        if scene.held_out:
            yield scene
            count -= 1
        seed += 1


class Player:
    """Encodes and plays a scene of this length, with so much noise on its latents."""

    def __init__(self, vae: Any, vocoder: Any, noise: float, duration_s: float = DURATION_S) -> None:
        self.vae, self.vocoder, self.noise, self.duration_s = vae, vocoder, noise, duration_s
        self.rng = torch.Generator().manual_seed(0)

    def __call__(self, scene: Scene) -> tuple[Any, Any]:
        wave = audio_latents.scene_wave(scene, self.duration_s)
        latents = audio_latents.encode(self.vae, wave)
        spread = self.vae.latents_std.view(1, latents.shape[1], 1, -1)
        latents = latents + self.noise * spread * torch.randn(latents.shape, generator=self.rng)
        return wave, audio_latents.decode(self.vae, self.vocoder, latents)


def right_pitch(scene: Scene, duration_s: float, played: Any) -> tuple[int, int]:
    """Windows in which the strongest tone heard is one of the strongest that sound there, and windows with any tone.

    Of the strongest: within 3 dB of the strongest by power, as two things of one size are, or two steps of a rise.
    """
    heard = audio_measures.pitches(played, PLAYED)
    strength = sound.strengths(scene, duration_s, range(len(heard) * FRAMES))[..., : sound.CLICK]
    power = np.square(strength).sum(0).reshape(-1, FRAMES, sound.CLICK).mean(1)
    sounds = (power.max(1) > AUDIBLE) | (heard > 0)
    row = np.abs(np.log(np.maximum(heard, 1))[:, None] - np.log(sound.PITCHES)).argmin(1)
    right = (heard > 0) & (power[range(len(row)), row] >= 0.5 * power.max(1)) & (power.max(1) > 0)
    return int(np.sum(right & sounds)), int(sounds.sum())


def clicks(wave: Any, played: Any) -> tuple[int, int, int]:
    """Clicks found, clicks there are, clicks heard where there is none."""
    wanted, heard = audio_measures.clicks(wave, sound.SAMPLE_RATE), audio_measures.clicks(played, PLAYED)
    near = [[abs(a - b) < 0.025 for b in heard] for a in wanted]
    found = sum(map(any, near))
    return found, len(wanted), sum(not any(column) for column in zip(*near, strict=True)) if wanted else len(heard)


def row(play: Player, make: Any, count: int) -> str:
    pitch, course, click, levels, order = np.zeros(2), np.zeros(2), np.zeros(3), [], []
    for scene in held_out(make, count):
        wave, played = play(replace(scene, silent=False))
        pitch += right_pitch(replace(scene, silent=False), play.duration_s, played)
        click += clicks(wave, played)
        levels.append(abs(audio_measures.loudness_db(wave) - audio_measures.loudness_db(played)))
        if len(scene.things) == 1:
            thing = scene.things[0]
            if thing.motion in STRAIGHT:
                wanted = audio_measures.trend(wave, sound.SAMPLE_RATE)
                course += (audio_measures.trend(played, PLAYED) == wanted, 1)
        if len(scene.things) == 1 and len(order) < SIZED:
            sizes = (replace(scene, silent=False, things=(replace(thing, size=size),)) for size in get_args(Size))
            heard = [audio_measures.loudness_db(play(each)[1]) for each in sizes]
            order.append(heard == sorted(heard))
    quiet = max(audio_measures.loudness_db(play(replace(scene, silent=True))[1]) for _ in range(3))
    return (
        f"{pitch[0] / max(1, pitch[1]):.1%} | {course[0]:.0f} of {course[1]:.0f} | {np.mean(levels):.2f} dB "
        f"| {sum(order)} of {len(order)} | {click[0]:.0f} of {click[1]:.0f}, {click[2]:.0f} false | {quiet:.0f} dB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--weights", type=Path, default=audio.AUDIO_VAE.parent, help="folder of audio_vae and vocoder")
    parser.add_argument("--scenes", type=int, default=40, help="of the core world, and as many of the wide")
    parser.add_argument("--dry-run", action="store_true", help="only check that every part works, in seconds")
    given = parser.parse_args()
    vae = audio.load_audio_vae(given.weights / "audio_vae")
    vocoder = audio.load_vocoder(given.weights / "vocoder")
    print("command:", " ".join(["python", *sys.argv]))
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads; "
        f"Python {platform.python_version()}, torch {torch.__version__}, diffusers {diffusers.__version__}"
    )
    for part in (vae, vocoder):
        print(f"{type(part).__name__}: {sum(weight.numel() for weight in part.state_dict().values()):,} numbers")
    print("| world, latent noise | pitch | course | level | order | clicks | silence |\n|---|---|---|---|---|---|---|")
    if given.dry_run:
        print(f"| core, 0% | {row(Player(vae, vocoder, 0.0, 0.5), world.core_scene, 1)} |")
        timed(vae, vocoder, 0.5)
        return
    for name, make in (("core", world.core_scene), ("wide", world.wide_scene)):
        for noise in NOISES:
            print(f"| {name}, {noise:.0%} | {row(Player(vae, vocoder, noise), make, given.scenes)} |", flush=True)
    timed(vae, vocoder, 5.0)


def timed(vae: Any, vocoder: Any, duration_s: float) -> None:
    begin = time.perf_counter()
    latents = audio_latents.encode(vae, audio_latents.scene_wave(world.core_scene(0), duration_s))
    middle = time.perf_counter()
    audio_latents.decode(vae, vocoder, latents)
    encoded_s, played_s = middle - begin, time.perf_counter() - middle
    print(f"{duration_s:g} s: encoded in {encoded_s:.2f} s, decoded and played in {played_s:.2f} s")


if __name__ == "__main__":
    main()
