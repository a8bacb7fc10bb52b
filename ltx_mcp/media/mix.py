"""The audio of a film: shots, speech and music on one timeline, music ducked under speech, at one loudness.

Every piece is decoded into a track (tracks.py), and the tracks are added up: no ffmpeg process has many inputs, and
memory does not grow with the length of the film or with its shots.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ltx_mcp.errors import BadInput
from ltx_mcp.media.loudness import Loudness, normalize
from ltx_mcp.media.raw_audio import raw_args, run
from ltx_mcp.media.tracks import Tracks, sample
from ltx_mcp.types.callbacks import Check
from ltx_mcp.types.film import AudioPlacement

# Music falls some 12 dB under speech, which is always of the same loudness (tracks.SPEECH_LUFS). It is back a second
# after: through the pauses between words and sentences it stays down.
DUCKING = "sidechaincompress=threshold=0.025:ratio=8:attack=15:release=500:detection=rms:link=maximum"
_PREFIX = "mix-"


@dataclass(frozen=True)
class Mixed:
    """A film's audio: a raw file (raw_audio.py) of exactly the samples asked for, and its loudness."""

    path: Path
    loudness: Loudness


def mix_film(placements: Sequence[AudioPlacement], samples: int, folder: Path, check: Check = lambda: None) -> Mixed:
    """Mix what is placed into `samples` samples at 48 kHz. The file lies in `folder`, where nothing else is left.

    Every piece begins at the sample nearest to its `at_s`. Speech is brought to one loudness before its `gain_db`, and
    music is ducked under it. The whole is at -14 LUFS with true peaks under -1 dBTP (loudness.py), or silent.
    `check` is called every few seconds of audio, in every pass, and may raise `Cancelled`.
    Raises BadInput for passages of speech that overlap, and MediaError for files that cannot be read as audio.
    """
    _check_speech(placements)
    tracks = Tracks(samples, folder, _PREFIX, check)
    result = folder / f"{_PREFIX}result.raw"
    try:
        summed = _sum(placements, tracks, check)
        return Mixed(result, normalize(summed, result, samples, check))
    except BaseException:
        result.unlink(missing_ok=True)
        raise
    finally:
        _clear(folder, result)


def _sum(placements: Sequence[AudioPlacement], tracks: Tracks, check: Check) -> Path:
    """All of it in one file. The tracks are deleted at once: each may be gigabytes."""
    roles = ("shot", "speech", "music")
    shots, speech, music = (tracks.lay([each for each in placements if each.role == role]) for role in roles)
    mix = tracks.file("sum")
    if inputs := [*shots, *speech, *music]:
        opened = [arg for track in inputs for arg in raw_args(track)]
        graph = _graph(len(shots), len(speech), len(music))
        mix.write(0, run([*opened, "-filter_complex", graph, "-map", "[mix]"], check))
    for track in inputs:
        track.unlink()
    return mix.path


def _graph(shots: int, speech: int, music: int) -> str:
    """Inputs in this order; there is one track of speech at most."""
    chains, summed = [], [f"[{place}]" for place in range(shots + speech + music)]
    if speech and music:
        keys = "".join(f"[key{place}]" for place in range(music))
        chains.append(f"[{shots}]asplit={music + 1}[speech]{keys}")
        chains += [f"[{shots + 1 + place}][key{place}]{DUCKING}[music{place}]" for place in range(music)]
        summed[shots:] = ["[speech]", *(f"[music{place}]" for place in range(music))]
    return ";".join([*chains, f"{''.join(summed)}amix=inputs={len(summed)}:normalize=0[mix]"])


def _check_speech(placements: Sequence[AudioPlacement]) -> None:
    """Raises BadInput where two passages overlap."""
    speech = sorted((each for each in placements if each.role == "speech"), key=lambda each: each.at_s)
    for before, after in pairwise(speech):
        end_s = before.at_s + before.duration_s
        if sample(after.at_s) < sample(end_s):
            raise BadInput(
                f"Speech begins at {after.at_s:.2f} s, while the passage before it lasts until {end_s:.2f} s.",
                "Let it begin later, or make the passage before it shorter.",
            )


def _clear(folder: Path, result: Path) -> None:
    for path in folder.glob(f"{_PREFIX}*"):
        if path != result:
            path.unlink(missing_ok=True)
