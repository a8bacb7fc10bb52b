"""Whisper, as transformers runs it. It reads no network: the weights are a folder of this disk."""

import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.transcription.base import SAMPLE_RATE, Samples
from ltx_mcp.types.film import TimedText

# Those of openai/whisper's transcribe.py: silence is what is probably no speech and was written without confidence.
NO_SPEECH = 0.6
LEAST_LOG_PROBABILITY = -1.0


class WhisperTranscriber:
    """Whisper of any size, loaded on first use. The language is that which the model tells.

    Words are chosen greedily. Whisper's own second tries, at random where a text repeats itself, would write
    something else each time and take six times as long; such texts are left out instead (`lines.spoken`).
    """

    def __init__(self, name: str, folder: Path, device: Callable[[], str] = lambda: "cpu") -> None:
        self.name = name
        self._folder = folder
        self._choose_device = device
        self._lock = Lock()

    def load(self) -> None:
        with self._lock:
            _ = self._parts

    @cached_property
    def _parts(self) -> tuple[Any, Any, Any, str]:
        """The model, its tokenizer, what makes its input of audio, and its device."""
        try:
            import torch
            from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer
            from transformers.utils.logging import disable_progress_bar

            disable_progress_bar()  # standard error is a server's log
            # It warns once a window of how it calls itself.
            logging.getLogger("transformers.generation.utils").setLevel(logging.ERROR)
            device = self._choose_device()
            dtype = torch.float16 if device.startswith("cuda") else torch.float32
            local = {"local_files_only": True}
            model = WhisperForConditionalGeneration.from_pretrained(self._folder, dtype=dtype, **local)
            tokenizer = WhisperTokenizer.from_pretrained(self._folder, **local)
            extractor = WhisperFeatureExtractor.from_pretrained(self._folder, **local)
            return model.to(device).eval(), tokenizer, extractor, device
        except Exception as error:  # transformers raises what its loaders raise: OSError, ValueError, KeyError, ...
            raise ModelUnavailable(
                f"{self.name} could not be loaded from {self._folder}: {str(error)[:300]}",
                "Delete the folder to have it fetched again, or set LTX_MCP_SPEECH=off.",
            ) from error

    def transcribe(self, window: Samples) -> Sequence[TimedText]:
        self.load()
        model, tokenizer, extractor, device = self._parts
        import torch

        features = extractor(window, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
        with torch.inference_mode():
            written = model.generate(
                features.to(device, model.dtype),
                task="transcribe" if model.generation_config.is_multilingual else None,
                return_timestamps=True,
                return_segments=True,
                condition_on_prev_tokens=False,
                temperature=0.0,
                no_speech_threshold=NO_SPEECH,
                logprob_threshold=LEAST_LOG_PROBABILITY,
            )
        return [
            TimedText(
                text=tokenizer.decode(line["tokens"], skip_special_tokens=True).strip(),
                start_s=float(line["start"]),
                end_s=float(line["end"]),
            )
            for line in written["segments"][0]
        ]
