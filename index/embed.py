"""Frames and texts as vectors of one space, so that a cosine says how well they match."""

import logging
import re
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.index.background import Background, Vectors, calibrate
from ltx_mcp.index.choice import EMBEDDED
from ltx_mcp.index.weights import Checkpoint, find_checkpoint
from ltx_mcp.types.frames import Frame

log = logging.getLogger(__name__)

# Averaging a few sentence forms is the prompt ensemble of the CLIP paper (section 3.1.4), cut to three.
QUERY_FORMS = ("{}", "a picture of {}", "a video of {}")
BATCH = 32  # frames in one forward pass
MAX_PIECES = 8  # of a text longer than the model's context; what follows is not read
BF16_MIN_PARAMETERS = 20_000_000  # below this bfloat16 saves nothing worth a rounded vector


class Embedder(Protocol):
    """Makes vectors. Every method may be called from any thread, and most load the model first.

    All raise ModelUnavailable where the weights cannot be found or loaded.
    """

    @property
    def model_id(self) -> str:
        """`name/pretrained@` and the start of the weights' SHA-256: equal ids mean comparable vectors."""

    @property
    def weights(self) -> str:
        """The setting by which an equal embedder is made: one of LTX_MCP_EMBEDDER's."""

    @property
    def dim(self) -> int: ...

    @property
    def device(self) -> str:
        """Where it runs, as torch names it."""

    def load(self) -> None:
        """Get ready; a second call is free."""

    def understands(self, text: str) -> bool:
        """Whether a vector of this text means anything to the model. Cheap: loads nothing."""

    @property
    def models(self) -> frozenset[str]:
        """The video models whose clips it was trained for, if it was trained for nothing else. Cheap too."""

    def embed_frames(self, frames: Sequence[Frame]) -> Vectors:
        """(n, dim) unit vectors of frames (H, W, 3) uint8 of any sizes."""

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """(n, dim) unit vectors."""

    def background(self) -> Background:
        """What unrelated pairs score, measured once (see `background.calibrate`)."""


def embed_query(embedder: Embedder, query: str) -> Vectors:
    """(dim,) unit vector of a search query: the average over three sentence forms."""
    return unit(embedder.embed_texts([form.format(query) for form in QUERY_FORMS]).mean(axis=0))


def unit(vectors: Vectors) -> Vectors:
    """Each row at length 1; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def pieces(text: str, words: int) -> list[str]:
    """The text cut into runs of at most `words` words, at the ends of clauses where there are any."""
    found: list[list[str]] = [[]]
    for clause in re.split(r"(?<=[.!?;:,])\s+", text):
        for word in clause.split():
            if len(found[-1]) >= words:
                found.append([])
            found[-1].append(word)
        if len(found[-1]) > words // 2:
            found.append([])
    return [" ".join(piece) for piece in found if piece] or [""]


def _padding_right(tokenizer: Any) -> Any:
    """The tokenizer, padding where all of open_clip's text towers were trained on it. Gemma's would pad on the left."""
    inner = getattr(tokenizer, "tokenizer", None)  # of transformers; CLIP's own has none
    if inner is not None:
        inner.padding_side = "right"
    return tokenizer


class OpenClipEmbedder:
    """Any open_clip model, loaded on first use.

    `weights` is `embedded` (the checkpoint inside the package), a tag `name/pretrained`, `architecture/file`, or a
    local-dir folder; `find` says where they are. `device` is asked for on first use; one that cannot be used, or has
    no memory left, is replaced by the CPU. A text longer than the context is cut at clauses and its pieces' vectors
    averaged.
    """

    def __init__(
        self,
        weights: str = EMBEDDED,
        device: Callable[[], str] = lambda: "cpu",
        find: Callable[[str], Checkpoint] = find_checkpoint,
    ) -> None:
        self.weights = weights
        self._find = find
        self._choose_device = device
        self._on_cpu = False
        self._lock = threading.RLock()
        self._model: Any = None
        self._preprocess: Any = None
        self._tokenizer: Any = None
        self._dtype: Any = None

    @cached_property
    def _checkpoint(self) -> Checkpoint:
        return self._find(self.weights)

    @cached_property
    def model_id(self) -> str:
        return self._checkpoint.model_id()

    @cached_property
    def dim(self) -> int:
        return int(self.embed_texts(["a"]).shape[1])

    @cached_property
    def _chosen_device(self) -> str:
        return self._choose_device()

    @property
    def device(self) -> str:
        """Where it runs, as torch names it."""
        return "cpu" if self._on_cpu else self._chosen_device

    def load(self) -> None:
        with self._lock:
            if self._model is None:
                self._load(self._checkpoint)

    def _load(self, found: Checkpoint) -> None:
        import open_clip

        try:
            model, self._preprocess = open_clip.create_model_from_pretrained(  # refuses random weights
                found.architecture,
                None if found.is_folder else str(found.file),
                device=self.device,
                force_quick_gelu=found.quick_gelu,
                **{f"image_{key}": value for key, value in found.preprocess.items()},
            )
            self._tokenizer = _padding_right(open_clip.get_tokenizer(found.architecture))
        except Exception as error:  # open_clip raises what its loaders raise: RuntimeError, KeyError, OSError, ...
            if self.device != "cpu":
                self._fall_back(error)
                return
            raise ModelUnavailable(
                f"The embedder {self.weights!r} could not be loaded from {found.file}: {str(error)[:300]}",
                "Delete the file to have it fetched again, or set LTX_MCP_EMBEDDER=embedded.",
            ) from error
        self._dtype = self._precision(model)
        self._model = model.to(self._dtype).eval()

    def _fall_back(self, error: Exception) -> None:
        """Go on on the CPU."""
        log.warning("the embedder %s leaves %s for the CPU: %s", self.weights, self.device, str(error)[:300])
        with self._lock:
            self._on_cpu = True
            self._load(self._checkpoint)

    def _precision(self, model: Any) -> Any:
        """bfloat16 for the whole model where the CPU computes it: 2.5-3.5 times faster, cosine to float32 >= 0.9995.

        Never autocast, which made ViT-B-32 six times slower (measured on two Zen 5 cores).
        """
        import torch

        if sum(parameter.numel() for parameter in model.parameters()) < BF16_MIN_PARAMETERS:
            return torch.float32
        if self.device.startswith("cuda"):
            return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
        has_bf16 = self.device == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported()
        return torch.bfloat16 if has_bf16 else torch.float32

    def understands(self, text: str) -> bool:
        domain = self._checkpoint.domain
        return domain is None or domain.understands(text)

    @property
    def models(self) -> frozenset[str]:
        domain = self._checkpoint.domain
        return frozenset() if domain is None else domain.models

    def embed_frames(self, frames: Sequence[Frame]) -> Vectors:
        self.load()
        batches = [self._encode_frames(frames[start : start + BATCH]) for start in range(0, len(frames), BATCH)]
        return np.concatenate(batches) if batches else np.empty((0, self.dim), dtype=np.float32)

    def _encode_frames(self, frames: Sequence[Frame]) -> Vectors:
        import torch
        from PIL import Image

        pixels = torch.stack([self._preprocess(Image.fromarray(frame)) for frame in frames])
        return self._encoded(lambda: self._model.encode_image(pixels.to(self.device, self._dtype)))

    def _encoded(self, encode: Callable[[], Any]) -> Vectors:
        """Unit vectors of what the model gives; on the CPU if the device has no memory left."""
        import torch

        with torch.inference_mode():
            try:
                vectors = encode()
            except torch.OutOfMemoryError as error:
                if self.device == "cpu":
                    raise
                self._fall_back(error)
                vectors = encode()
        return unit(vectors.float().cpu().numpy())

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        self.load()
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        words = max(4, self._tokenizer.context_length // 2)  # English has about 1.3 tokens a word
        cut = [pieces(text, words)[:MAX_PIECES] for text in texts]
        vectors = self._encode_texts([piece for text in cut for piece in text])
        ends = np.cumsum([len(text) for text in cut])[:-1]
        return unit(np.stack([part.mean(axis=0) for part in np.split(vectors, ends)]))

    def _encode_texts(self, texts: list[str]) -> Vectors:
        tokens = self._tokenizer(texts)
        return self._encoded(lambda: self._model.encode_text(tokens.to(self.device)))

    def background(self) -> Background:
        with self._lock:
            return self._background

    @cached_property
    def _background(self) -> Background:
        return calibrate(self.embed_frames, self.embed_texts, self._checkpoint.domain)
