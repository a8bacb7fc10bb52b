"""What every transcriber promises, how a stream becomes windows, and which lines were never said."""

from collections.abc import Sequence
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from whisper_kit import put_whisper, whisper

from ltx_mcp.errors import Cancelled, ModelUnavailable
from ltx_mcp.hub.cache import Hub
from ltx_mcp.transcription.base import SAMPLE_RATE, WINDOW_S, Samples, Transcriber
from ltx_mcp.transcription.bounded import BoundedTranscriber
from ltx_mcp.transcription.choice import CATALOGUE, CHECKPOINT, choose
from ltx_mcp.transcription.lines import spoken
from ltx_mcp.transcription.stand_in import ToneTranscriber
from ltx_mcp.transcription.whisper import WhisperTranscriber
from ltx_mcp.transcription.windows import transcribe_stream
from ltx_mcp.types.film import TimedText

TURBO, SMALL, BASE, TINY = CATALOGUE


def sung(*notes: tuple[float, float, float], length_s: float) -> Samples:
    """Tones of (hertz, start_s, end_s), else silence."""
    times = np.arange(round(length_s * SAMPLE_RATE)) / SAMPLE_RATE
    audio = np.zeros(len(times), dtype=np.float32)
    for hertz, start_s, end_s in notes:
        place = (times >= start_s) & (times < end_s)
        audio[place] = 0.3 * np.sin(2 * np.pi * hertz * times[place])
    return audio


def stereo(audio: Samples, piece: int = 65_536) -> list[bytes]:
    both = np.repeat(audio, 2).astype("<f4")
    return [both[start : start + 2 * piece].tobytes() for start in range(0, len(both), 2 * piece)]


def told(lines: Sequence[TimedText]) -> list[tuple[float, float, str]]:
    return [(round(line.start_s, 2), round(line.end_s, 2), line.text) for line in lines]


def folder_of(files: dict[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


# -- the contract -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["stand-in", pytest.param("whisper", marks=pytest.mark.slow)])
def transcriber(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Transcriber:
    if request.param == "stand-in":
        return ToneTranscriber()
    return WhisperTranscriber("whisper", folder_of(whisper(), tmp_path_factory.mktemp("whisper")))


@pytest.mark.parametrize("length_s", [0.05, 4.0, WINDOW_S])
def test_lines_are_in_order_and_the_same_each_time(transcriber: Transcriber, length_s: float) -> None:
    window = sung((440, 0.0, 0.6 * length_s), (660, 0.8 * length_s, length_s), length_s=length_s)
    lines = told(transcriber.transcribe(window))
    assert lines
    assert lines == sorted(lines)
    assert all(start_s <= end_s <= WINDOW_S for start_s, end_s, _ in lines)
    assert told(transcriber.transcribe(window)) == lines


def test_the_stand_in_names_what_is_sung() -> None:
    window = sung((440, 1.0, 2.0), (1046.5, 3.5, 4.0), length_s=5.0)
    assert told(ToneTranscriber().transcribe(window)) == [(1.0, 2.0, "440 hertz"), (3.5, 4.0, "1047 hertz")]


@pytest.mark.slow
def test_whisper_writes_lines_with_their_times_and_none_where_nobody_speaks(tmp_path: Path) -> None:
    """Made weights: this proves the way from audio to lines, and says nothing of what trained ones transcribe."""
    speaking, silent = tmp_path / "speaking", tmp_path / "silent"
    for folder, files in ((speaking, whisper()), (silent, whisper(no_speech=True))):
        folder.mkdir()
        folder_of(files, folder)
    window = sung((440, 0, 4), length_s=4)
    said = [(0.0, 1.5, "she says goodbye"), (1.5, 3.0, "and leaves")]
    assert told(WhisperTranscriber("whisper", speaking).transcribe(window)) == said
    assert told(WhisperTranscriber("whisper", silent).transcribe(window)) == []
    (speaking / CHECKPOINT).write_bytes(b"half")
    with pytest.raises(ModelUnavailable, match=r"could not be loaded .* Delete the folder"):
        WhisperTranscriber("whisper", speaking).load()


# -- windows ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("piece", [1_000, 65_536])
@pytest.mark.parametrize("from_s", [0.0, 12.5])
def test_a_note_across_windows_is_one_line_at_its_own_time(piece: int, from_s: float) -> None:
    notes = [(440, 2.0, 3.0), (523.25, 28.0, 33.0), (659.25, 70.0, 71.0)]
    parts = list(transcribe_stream(stereo(sung(*notes, length_s=95.0), piece), ToneTranscriber().transcribe, from_s))
    names = ("440 hertz", "523 hertz", "659 hertz")
    assert [line for part in parts for line in told(part.lines)] == [
        (from_s + start_s, from_s + end_s, name) for (_, start_s, end_s), name in zip(notes, names, strict=True)
    ]
    ends = [part.until_s for part in parts]
    assert ends == sorted(ends)
    assert ends[0] == from_s + 28.0, "the second note was cut there"
    assert ends[-1] == from_s + 95.0


def test_silence_is_not_heard_and_a_line_without_an_end_does_not_hold_up_the_rest() -> None:
    heard = []

    def written(window: Samples) -> list[TimedText]:
        heard.append(len(window))
        return [TimedText(text="and so on", start_s=0, end_s=WINDOW_S), TimedText(text="and on", start_s=9, end_s=99)]

    loud, silence = sung((440, 0, 90), length_s=90), np.zeros(round(40 * SAMPLE_RATE), dtype=np.float32)
    parts = list(transcribe_stream(stereo(np.concatenate((loud, silence))), written))
    assert heard == [round(WINDOW_S * SAMPLE_RATE)] * 3
    assert [part.until_s for part in parts] == [30.0, 60.0, 90.0, 120.0, 130.0]
    assert list(transcribe_stream([], written)) == []


# -- what was never said ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (["She says goodbye."], ["She says goodbye."]),
        (["さようなら", "до свидания"], ["さようなら", "до свидания"]),
        (["[Music]", "(applause)", "♪ la la ♪", "...", "", " 🎵 "], []),
        (["[Music] She says goodbye."], ["She says goodbye."]),
        (["No!", "No!", "No!", "No!", "Yes."], ["No!", "No!", "Yes."]),
        (["thank you very much " * 12], []),
    ],
)
def test_a_line_without_words_or_without_an_end_was_not_said(written: list[str], kept: list[str]) -> None:
    lines = [TimedText(text=text, start_s=place, end_s=place + 1) for place, text in enumerate(written)]
    assert [line.text for line in spoken(lines, 30.0)] == kept


def test_lines_are_cut_to_what_was_heard() -> None:
    times = [(0.0, 2.0), (1.5, 3.0), (2.9, 2.9), (3.0, 9.0), (8.0, 9.0)]
    lines = [TimedText(text=f"line {place}", start_s=start, end_s=end) for place, (start, end) in enumerate(times)]
    assert told(spoken(lines, 5.0)) == [(0.0, 2.0, "line 0"), (2.0, 3.0, "line 1"), (3.0, 5.0, "line 3")]


# -- one that hangs ---------------------------------------------------------------------------------------


def test_one_that_hangs_is_refused_and_holds_nobody_up() -> None:
    answered = Event()

    class Hanging(ToneTranscriber):
        def transcribe(self, window: Samples) -> Sequence[TimedText]:
            answered.wait()
            return []

    window = sung(length_s=1)
    bounded = BoundedTranscriber(Hanging(), lambda: None, hear_limit_s=0.01)
    with pytest.raises(ModelUnavailable, match="did not answer within"):
        bounded.transcribe(window)
    with pytest.raises(ModelUnavailable, match="has not answered an earlier call yet"):
        bounded.load()

    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        BoundedTranscriber(Hanging(), stop).transcribe(window)
    answered.set()


# -- which one --------------------------------------------------------------------------------------------


def test_the_best_that_is_here_and_fast_enough_hears(tmp_path: Path) -> None:
    hub = Hub(tmp_path, offline=True)
    assert choose("auto", True, 1, hub).best is TURBO
    assert choose("auto", False, 4, hub).best is SMALL
    assert choose("auto", False, 2, hub).best is BASE, "in a quarter of the footage's length"
    assert choose("auto", False, 1, hub, (TURBO, SMALL)).best is None, "off where it would be slow"
    assert choose("off", True, 1, hub).best is None
    assert choose("whisper-tiny", True, 1, hub).automatic is TINY
    assert "is not known: it is one of auto, off, whisper-large-v3-turbo" in choose("wisper", True, 1, hub).problem
    assert "holds no model.safetensors" in choose(str(tmp_path), True, 1, hub).problem
    put_whisper(tmp_path, BASE)
    found = choose("auto", False, 4, hub)
    assert (found.name, found.best, found.automatic) == ("whisper-base", SMALL, None)
    assert found.folder is not None
    assert (found.folder / CHECKPOINT).is_file()
