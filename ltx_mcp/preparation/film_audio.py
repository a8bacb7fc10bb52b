"""The audio of a film, before it is mixed: what is spoken and played, and when. Spoken passages give subtitles too."""

import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ltx_mcp.edit.film import Film, shot_audio
from ltx_mcp.edit.otio_audio import MUSIC, PlacedAudio
from ltx_mcp.errors import BadInput, StudioError
from ltx_mcp.media.framecrc import list_audio
from ltx_mcp.narration.base import Narrator, Speech
from ltx_mcp.narration.subtitles import subtitle_cues
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.types.callbacks import Check
from ltx_mcp.types.film import AudioPlacement, TimedText
from ltx_mcp.types.timeline import EditRequest, Music, Narration

PAUSE_S = 0.5  # between passages that follow each other
_OVER_S = 0.1  # of a passage that ends this little after the film, the end is cut


@dataclass(frozen=True)
class Passage:
    """A passage that can be spoken or played. `at_s` None: after the one before. `path` is that of an audio file."""

    number: int
    asked: Narration
    at_s: float | None
    path: Path | None = None
    duration_s: float = 0.0


@dataclass(frozen=True)
class FilmAudio:
    """What is asked of a film's audio, checked: every file opens, every text has a voice."""

    passages: tuple[Passage, ...]
    music: AudioPlacement | None


def film_audio(request: EditRequest, film: Film, inputs: Inputs, narrator: Narrator) -> FilmAudio:
    """Raises BadInput, MediaError, ModelUnavailable; what is about one passage names it."""
    passages = []
    for number, asked in enumerate(request.narration, 1):
        with _naming(f"Narration {number}"):
            passages.append(_passage(number, asked, film, inputs, narrator))
    with _naming("The music"):
        music = _music(request.music, film, inputs) if isinstance(request.music, Music) else None
    return FilmAudio(tuple(passages), music)


def placed(audio: FilmAudio) -> list[PlacedAudio]:
    """What of it lies in files at known times: what other editors can be shown. Raises MediaError."""
    found = [
        PlacedAudio(passage.number, passage.path.as_uri(), passage.at_s, passage.duration_s)
        for passage in audio.passages
        if passage.path is not None and passage.at_s is not None
    ]
    if (music := audio.music) is not None:
        length_s = music.duration_s if music.loop else min(music.duration_s, list_audio(music.path).end_s)
        found.append(PlacedAudio(MUSIC, music.path.as_uri(), music.at_s, length_s))
    return found


def spoken(
    audio: FilmAudio, film: Film, narrator: Narrator, work: Path, check: Check
) -> tuple[list[AudioPlacement], list[TimedText]]:
    """Everything that sounds, and the cues of what is spoken from text. Speech is written into `work`.

    Raises BadInput where a passage does not end with the film, with the latest time at which it may begin.
    """
    placements = list(shot_audio(film.shots, film.fps))
    cues: list[TimedText] = []
    if audio.music is not None:
        placements.append(audio.music)
    ended_s = 0.0
    for passage in audio.passages:
        at_s = passage.at_s if passage.at_s is not None else ended_s + (PAUSE_S if ended_s else 0.0)
        with _naming(f"Narration {passage.number}"):
            path, duration_s = passage.path, passage.duration_s
            asked = passage.asked
            if asked.text is not None:
                speech = narrator.speak(asked.text, asked.voice, asked.language, check)
                path, duration_s = _written(speech, work / f"narration-{passage.number}.wav"), speech.duration_s
                cues += subtitle_cues(speech, at_s)
            _check_end(at_s, duration_s, film.frames / film.fps)
        assert path is not None
        placements.append(AudioPlacement(path=path, role="speech", at_s=at_s, duration_s=duration_s))
        ended_s = at_s + duration_s
    return placements, cues


def _passage(number: int, asked: Narration, film: Film, inputs: Inputs, narrator: Narrator) -> Passage:
    at_s = asked.at_s
    if asked.shot is not None:
        if asked.shot > len(film.shots):
            raise BadInput(f"there is no shot {asked.shot}; the film has {len(film.shots)}.", "They count from 1.")
        shot = film.shots[asked.shot - 1]
        at_s = (shot.start + shot.lead_in) / film.fps
    if at_s is not None and at_s >= film.frames / film.fps:
        raise BadInput(f"it begins at {at_s:g} s, and the film ends at {film.frames / film.fps:.3f} s.")
    if asked.text is not None:
        narrator.voice_for(asked.text, asked.voice, asked.language)
        return Passage(number, asked, at_s)
    assert asked.audio is not None
    path, duration_s = _audio_file(asked.audio, inputs)
    return Passage(number, asked, at_s, path, duration_s)


def _music(asked: Music, film: Film, inputs: Inputs) -> AudioPlacement:
    path, _ = _audio_file(asked.source, inputs)
    return AudioPlacement(
        path=path,
        role="music",
        at_s=0.0,
        duration_s=film.frames / film.fps,
        gain_db=asked.volume_db,
        fade_in_s=asked.fade_s,
        fade_out_s=asked.fade_s,
        loop=asked.loop,
    )


def _audio_file(reference: str, inputs: Inputs) -> tuple[Path, float]:
    """Its path, and how long its audio lasts in seconds."""
    path = inputs.media_path(reference)
    return path, list_audio(path).end_s


def _written(speech: Speech, path: Path) -> Path:
    """As a WAV file of 16 bits."""
    samples = np.round(np.clip(speech.audio, -1.0, 1.0) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((len(samples), 2, speech.sample_rate, 0, "NONE", ""))
        file.writeframes(samples.T.tobytes())
    return path


def _check_end(at_s: float, duration_s: float, film_s: float) -> None:
    if at_s + duration_s > film_s + _OVER_S:
        latest = f"Begin it by {film_s - duration_s:.2f} s, " if duration_s < film_s else ""
        raise BadInput(
            f"it lasts {duration_s:.2f} s from {at_s:.2f} s on, and the film ends at {film_s:.2f} s.",
            f"{latest}shorten it, or make the shots longer.".capitalize(),
        )


@contextmanager
def _naming(what: str) -> Iterator[None]:
    try:
        yield
    except StudioError as error:
        raise type(error)(f"{what}: {error.message}", error.hint) from error
