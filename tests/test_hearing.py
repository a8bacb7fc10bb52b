"""What is said in clips that came without their words is heard in the background, and found at its second."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event

import anyio
import numpy as np
import pytest
from media_kit import write_counting

from ltx_mcp.archive.speech import HEARD, SPEECH
from ltx_mcp.compose import open_studio
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.index.stand_in import ColourEmbedder
from ltx_mcp.jobs.record import Job
from ltx_mcp.media.audio import SAMPLE_RATE
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.moderation.stand_in import MagentaClassifier
from ltx_mcp.settings import Settings
from ltx_mcp.studio.studio import Studio
from ltx_mcp.transcription.base import Samples, Transcriber
from ltx_mcp.transcription.stand_in import ToneTranscriber
from ltx_mcp.types import states
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.film import TimedText
from ltx_mcp.types.requests import ImportRequest
from ltx_mcp.types.searches import SearchRequest

pytestmark = pytest.mark.anyio
LENGTH_S = 75.0  # three windows


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """440 Hz at 5 s, 587 Hz from 29 s to 31.5 s, 659 Hz at 62 s."""
    times = np.arange(round(LENGTH_S * SAMPLE_RATE)) / SAMPLE_RATE
    audio = np.zeros(len(times), dtype=np.float32)
    for hertz, start_s, end_s in ((440.0, 5.0, 6.0), (587.33, 29.0, 31.5), (659.25, 62.0, 63.0)):
        place = (times >= start_s) & (times < end_s)
        audio[place] = 0.3 * np.sin(2 * np.pi * hertz * times[place])
    path = tmp_path_factory.mktemp("song") / "song.mp4"
    frames = round(LENGTH_S * 4)
    with VideoWriter(path, 64, 48, 4.0, frames, audio=np.stack([audio, audio])) as writer:
        for _ in range(frames):
            writer.write(np.full((48, 64, 3), 90, dtype=np.uint8))
    return path


@asynccontextmanager
async def a_studio(data: Path, song: Path, transcriber: Transcriber, goes_on: bool = True) -> AsyncGenerator[Studio]:
    settings = Settings(data_dir=data, roots=(song.parent,), downloads="never")
    parts = {"engine": StandInEngine(), "classifier": MagentaClassifier(), "embedder": ColourEmbedder()}
    with anyio.fail_after(60):
        async with open_studio(settings, **parts, transcriber=transcriber, fetches=goes_on) as studio:  # type: ignore[arg-type]
            yield studio


async def imported(studio: Studio, video: Path) -> Clip:
    async def ignore(job: Job) -> None:
        """Nobody watches."""

    job = await studio.start(ImportRequest(video=str(video), title="a counting film"))
    state = (await studio.jobs.wait(job.job_id, 60, ignore)).state
    assert isinstance(state, states.Succeeded), state
    return await studio.archive.clip(state.clip_id)


async def found(studio: Studio, query: str) -> list[tuple[str, int, int, str]]:
    result = await studio.search(SearchRequest(query=query))
    return [(each.matched, round(each.start_s), round(each.end_s), each.said) for each in result.moments]


async def test_a_word_is_found_at_its_second_once_it_was_heard(tmp_path: Path, song: Path) -> None:
    async with a_studio(tmp_path, song, ToneTranscriber()) as studio:
        clip = await imported(studio, song)
        assert clip.in_place
        while not await found(studio, "587"):
            await anyio.wait_all_tasks_blocked()
        assert await found(studio, "587") == [("speech", 29, 32, "587 hertz")]
        assert await found(studio, "659") == [("speech", 62, 63, "659 hertz")]
        assert await found(studio, "698") == []
        while (await studio.archive.search_model()).unheard_clips:
            await anyio.wait_all_tasks_blocked()
        model = await studio.archive.search_model()
        assert (model.transcriber, model.speech_note) == ("stand-in", "")
    heard = json.loads(clip.sheet_path.with_name(HEARD).read_text())
    assert (heard["model"], heard["is_whole"], round(heard["until_s"])) == ("stand-in", True, LENGTH_S)


class Stopping(ToneTranscriber):
    """Stays in its second window until it may go on."""

    def __init__(self) -> None:
        self.windows, self.reached, self.go_on = 0, Event(), Event()

    def transcribe(self, window: Samples) -> Sequence[TimedText]:
        self.windows += 1
        if self.windows == 2:
            self.reached.set()
            self.go_on.wait()
        return super().transcribe(window)


async def test_what_was_cut_short_goes_on_where_it_was(tmp_path: Path, song: Path) -> None:
    stopping = Stopping()
    async with a_studio(tmp_path, song, stopping) as studio:
        clip = await imported(studio, song)
        await anyio.to_thread.run_sync(stopping.reached.wait)
        assert await found(studio, "counting film"), "nothing waits for it"
    assert not json.loads(clip.sheet_path.with_name(HEARD).read_text())["is_whole"]
    again = Stopping()
    again.windows = 2  # it stops no more
    async with a_studio(tmp_path, song, again, goes_on=False) as studio:
        await studio.archive.hearing.transcribe_all()
        assert again.windows == 4, "the first window was not heard again"
        assert await found(studio, "440") == [("speech", 5, 6, "440 hertz")]
        assert await found(studio, "587") == [("speech", 29, 32, "587 hertz")]
        await studio.archive.hearing.transcribe_all()
        assert again.windows == 4, "once is enough"
    stopping.go_on.set()


class Broken(ToneTranscriber):
    def transcribe(self, window: Samples) -> Sequence[TimedText]:
        raise ModelUnavailable("The weights are broken.")


async def test_a_broken_model_costs_nothing_but_what_it_would_have_heard(
    tmp_path: Path, song: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_studio(tmp_path, song, Broken()) as studio:
        await imported(studio, song)
        while (await studio.archive.search_model()).transcriber:
            await anyio.wait_all_tasks_blocked()
        assert await found(studio, "counting film")
    assert caplog.text.count("speech is not transcribed any more") == 1


async def test_what_is_known_is_not_heard_nor_what_has_no_audio_nor_what_is_gone(tmp_path: Path, song: Path) -> None:
    film = song.with_name("subtitled.mp4")
    film.write_bytes(song.read_bytes() + b"\0")
    film.with_suffix(".srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nGoodbye.\n")
    gone = song.with_name("gone.mp4")
    gone.write_bytes(song.read_bytes() + b"\0\0")
    mute = write_counting(song.with_name("mute.mp4"))
    async with a_studio(tmp_path, song, ToneTranscriber(), goes_on=False) as studio:
        clips = [await imported(studio, path) for path in (film, mute, gone)]
        gone.unlink()
        await studio.archive.hearing.transcribe_all()
        assert await found(studio, "goodbye") == [("speech", 1, 2, "Goodbye.")]
        assert await found(studio, "587") == []
    assert [clip.sheet_path.with_name(SPEECH).exists() for clip in clips] == [True, False, False]
    assert not any(clip.sheet_path.with_name(HEARD).exists() for clip in clips)
