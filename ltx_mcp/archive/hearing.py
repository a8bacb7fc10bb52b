"""Transcribes the speech of clips that came without subtitles: clip by clip, window by window.

Lines are written after every window, so a process that ends loses one window at most. Nothing here may cost a search or
a clip: one that cannot be transcribed is left out until the next start, as is a model that does not load or hangs.
"""

import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import closing

import anyio
from anyio import CapacityLimiter, to_thread
from anyio.abc import TaskGroup

from ltx_mcp.archive.library import Library
from ltx_mcp.archive.originals import playable
from ltx_mcp.archive.sidecar import read_clip
from ltx_mcp.archive.speech import HeardSpeech, is_known, read_heard, write_heard
from ltx_mcp.errors import Cancelled, ModelUnavailable
from ltx_mcp.media.footage import ANY_LENGTH_S, open_footage
from ltx_mcp.media.raw_audio import decode_source
from ltx_mcp.transcription.base import SAMPLE_RATE, Transcriber
from ltx_mcp.transcription.bounded import BoundedTranscriber
from ltx_mcp.transcription.windows import transcribe_stream
from ltx_mcp.types.clips import Clip

log = logging.getLogger(__name__)

OnHeard = Callable[[int, int], None]
"""Called with how many clips have been transcribed, and of how many."""

PutWords = Callable[[list[Clip]], Awaitable[None]]
"""Makes clips findable by their words, spoken ones too."""


class Hearing:
    """One clip at a time, in a task of `tasks` where it `goes_on` in the background; else by `transcribe_all`."""

    def __init__(
        self,
        library: Library,
        put_words: PutWords,
        tasks: TaskGroup,
        goes_on: bool = False,
        better: Callable[[], str] = lambda: "",
    ) -> None:
        self._library, self._put_words, self._tasks, self._goes_on = library, put_words, tasks, goes_on
        self.better = better
        """Where a better model is, or why none transcribes."""
        self._transcriber: BoundedTranscriber | None = None
        self._given_up: set[str] = set()
        self._slot = CapacityLimiter(1)
        self._running: anyio.CancelScope | None = None
        self._again = self._stopped = False
        self.unheard = 0
        """Clips that have still to be transcribed, as far as the background knows."""

    @property
    def model(self) -> str:
        """The model that transcribes; "" where none does."""
        return "" if self._transcriber is None else self._transcriber.name

    def use(self, transcriber: Transcriber) -> None:
        """Transcribe with this model from the next clip on. What another one wrote stays."""
        self._transcriber = BoundedTranscriber(transcriber, self._check)
        self.start()

    def start(self) -> None:
        """Transcribe what is left, in the background. Clips that come meanwhile follow."""
        if not self._goes_on or self._stopped or self._transcriber is None:
            return
        if self._running is not None:
            self._again = True
            return
        self._running = anyio.CancelScope()
        self._tasks.start_soon(self._run, self._running)

    def stop(self) -> None:
        """For good, within a fifth of a second."""
        self._stopped = True
        if self._running is not None:
            self._running.cancel()

    async def transcribe_all(self, on_heard: OnHeard = lambda done, of: None) -> None:
        """Transcribe every clip that is left, from a random one on: other processes may do the same."""
        wanted = [clip for clip in await to_thread.run_sync(self._library.all) if self._is_wanted(clip)]
        first = random.randrange(len(wanted)) if wanted else 0
        for done, clip in enumerate(wanted[first:] + wanted[:first]):
            self.unheard = len(wanted) - done
            on_heard(done, len(wanted))
            if self._transcriber is None:
                break
            if self._is_wanted(clip):
                await self._hear(clip, self._transcriber)
        self.unheard = 0

    def _is_wanted(self, clip: Clip) -> bool:
        if not clip.has_audio or is_known(clip) or clip.clip_id in self._given_up:
            return False
        heard = read_heard(clip)
        return heard is None or not heard.is_whole

    async def _hear(self, clip: Clip, transcriber: BoundedTranscriber) -> None:
        """What goes wrong is logged, not raised."""
        try:
            run, folder = self._hear_on, self._library.clips_dir / clip.clip_id
            heard = await to_thread.run_sync(run, clip, transcriber, abandon_on_cancel=True, limiter=self._slot)
            clip = await to_thread.run_sync(read_clip, folder)  # its title may be another now
            await self._put_words([clip])
            await to_thread.run_sync(write_heard, clip, heard)  # only now: if this is cut short, it is put again
        except ModelUnavailable as error:
            log.warning("speech is not transcribed any more: %s", error)
            self._transcriber = None
        except Cancelled:
            log.debug("the next process goes on with the speech of %s", clip.clip_id)
        except Exception as error:
            log.warning("the speech of %s could not be transcribed: %s", clip.clip_id, error)
            self._given_up.add(clip.clip_id)

    def _hear_on(self, clip: Clip, transcriber: BoundedTranscriber) -> HeardSpeech:
        """On a thread: from where it was left to the end. Raises what its steps raise, and Cancelled."""
        heard = read_heard(clip) or HeardSpeech(transcriber.name)
        footage = open_footage(playable(clip), clip.clip_id, longest_s=ANY_LENGTH_S)
        left_s = footage.duration_s - heard.until_s
        if footage.source.audio is not None and left_s > 1 / SAMPLE_RATE:
            pieces = decode_source(footage.source, heard.until_s, left_s, self._check, (), SAMPLE_RATE)
            with closing(pieces):
                for part in transcribe_stream(pieces, transcriber.transcribe, heard.until_s):
                    heard = heard.further(part.until_s, part.lines)
                    write_heard(clip, heard)
        return HeardSpeech(heard.model, heard.until_s, True, heard.lines)

    def _check(self) -> None:
        if self._stopped:
            raise Cancelled

    async def _run(self, scope: anyio.CancelScope) -> None:
        try:
            with scope:
                self._again = True
                while self._again:
                    self._again = False
                    await self.transcribe_all()
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException:  # not even a panic in the index's Rust may end the studio
            log.exception("speech is not transcribed")
        finally:
            self._running = None
