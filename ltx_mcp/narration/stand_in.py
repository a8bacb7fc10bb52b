"""A narrator without a model: tones in place of words, for tests and trials."""

import numpy as np

from ltx_mcp.narration.base import Samples, Speech, Voice
from ltx_mcp.narration.speech import assemble
from ltx_mcp.narration.voices import choose_voice
from ltx_mcp.types.callbacks import Check

SAMPLE_RATE = 24_000
WORD_S = 0.3  # the length of a tone for each word
TONES_HZ = {"tone": 440.0, "ton": 330.0}


class ToneNarrator:
    """`Narrator` that plays a steady tone for each sentence, `WORD_S` long for each word, at an RMS of -20 dBFS."""

    name = "tone-stand-in-1"
    voices = (Voice("tone", "en-US", "A tone of 440 Hz"), Voice("ton", "de-DE", "A tone of 330 Hz"))

    def voice_for(self, text: str, voice: str | None = None, language: str | None = None) -> Voice:
        return choose_voice(self.voices, text, voice, language)

    def speak(
        self, text: str, voice: str | None = None, language: str | None = None, check: Check = lambda: None
    ) -> Speech:
        frequency = TONES_HZ[self.voice_for(text, voice, language).name]

        def say(piece: str) -> Samples:
            times_s = np.arange(round(len(piece.split()) * WORD_S * SAMPLE_RATE)) / SAMPLE_RATE
            tone: Samples = (0.1 * np.sqrt(2) * np.sin(2 * np.pi * frequency * times_s)).astype(np.float32)
            return tone

        return assemble(text, say, SAMPLE_RATE, check)
