"""The narrator's seam: text in, speech out, with the time of every sentence.

A narrator knows nothing of films, mixing, jobs or moderation.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.types.callbacks import Check

MAX_CHARACTERS = 5000  # of one text: some six minutes of speech, 30 MB of samples

Samples = NDArray[np.float32]
"""float32 (samples,) in -1..1: one channel of audio."""


@dataclass(frozen=True)
class Voice:
    """A voice by the name that `narration` takes. `language` is a BCP 47 tag, such as en-US.

    `megabytes` is what must be fetched before it speaks; 0 for a voice whose weights came with a package.
    """

    name: str
    language: str
    description: str
    megabytes: float = 0.0


@dataclass(frozen=True)
class Sentence:
    """A sentence, or a part of a long one, and when it is spoken: seconds from the beginning of the speech."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Speech:
    """Spoken text. `audio` is float32 (1, samples) in -1..1 at `sample_rate` Hz."""

    audio: NDArray[np.float32]
    sample_rate: int
    sentences: tuple[Sentence, ...]

    @property
    def duration_s(self) -> float:
        return float(self.audio.shape[1] / self.sample_rate)


class Narrator(Protocol):
    """Speaks. Called on one thread at a time."""

    @property
    def name(self) -> str:
        """The model and its version, as a film's provenance will name it; known without loading."""

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The default voice first."""

    def voice_for(self, text: str, voice: str | None = None, language: str | None = None) -> Voice:
        """The voice that `speak` would use: the one that is named, else the first that speaks the text's language.

        `language` is a BCP 47 tag; left out, it is told from the text. Loads and fetches nothing. Raises BadInput for
        a text that is empty or too long, that holds nothing to say or is in a language that the voices do not speak,
        and for a voice that is not known; ModelUnavailable for one whose weights can't be fetched.
        """

    def speak(
        self, text: str, voice: str | None = None, language: str | None = None, check: Check = lambda: None
    ) -> Speech:
        """Say it. The same text and voice give the same samples.

        `check` is called before each sentence and raises `Cancelled` where the job was. Raises what `voice_for` does,
        and BadInput for a sentence that can't be pronounced.
        """
