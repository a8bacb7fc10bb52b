"""An image classifier of timm with the labels NSFW and SFW, such as Marqo/nsfw-image-detection-384.

Which index is which is read from the checkpoint's own config (there 0 is NSFW), and so are size, mean and filter.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ltx_mcp.errors import ModerationUnavailable
from ltx_mcp.moderation.base import Scores
from ltx_mcp.moderation.open_nsfw import canary_frames
from ltx_mcp.types.frames import Frame

if TYPE_CHECKING:
    import torch

UNSAFE, SAFE = "nsfw", "sfw"
REMEDY = "Delete its folder and run `ltx-mcp setup` again, or do without it: LTX_MCP_MODERATION=open-nsfw."


class TimmNsfw:
    """`FrameClassifier` on the CPU, one category: "explicit", the probability of NSFW."""

    categories = frozenset({"explicit"})

    def __init__(self, folder: Path, name: str) -> None:
        """`folder` holds config.json, as timm writes it for the hub, and model.safetensors."""
        self.name = name
        self._folder = folder
        self._model: torch.nn.Module | None = None
        self._transform: Any = None
        self._unsafe = 0

    def canaries(self) -> tuple[Frame, Frame]:
        return canary_frames()

    def load(self) -> None:
        if self._model is not None:
            return
        try:
            self._load()
        except ModerationUnavailable:
            raise
        except Exception as error:  # a damaged file, another architecture: all mean no classifier
            raise ModerationUnavailable(f"{self.name} cannot be loaded: {error}.", REMEDY) from error

    def _load(self) -> None:
        import timm
        from timm.data.config import resolve_data_config
        from timm.data.transforms_factory import create_transform

        config = json.loads((self._folder / "config.json").read_text(encoding="utf-8"))
        labels = _labels(config)
        if sorted(labels) != [UNSAFE, SAFE]:
            raise ModerationUnavailable(f"{self.name} has the labels {labels}, not NSFW and SFW.", REMEDY)
        weights = str(self._folder / "model.safetensors")
        options = {"num_classes": len(labels), "pretrained": False, **config.get("model_args", {})}
        model = timm.create_model(config["architecture"], checkpoint_path=weights, **options).eval()
        given = resolve_data_config(config.get("pretrained_cfg", {}), model=model)  # type: ignore[no-untyped-call]
        self._transform = create_transform(**given, is_training=False)
        self._unsafe = labels.index(UNSAFE)
        self._model = model

    def score(self, frames: Sequence[Frame]) -> list[Scores]:
        if self._model is None:
            raise ModerationUnavailable("The frame classifier was not loaded.", "Call load() first.")
        if not frames:
            return []
        import torch
        from PIL import Image

        pixels = torch.stack([self._transform(Image.fromarray(np.ascontiguousarray(frame))) for frame in frames])
        with torch.inference_mode():
            probabilities = self._model(pixels).softmax(dim=-1)[:, self._unsafe]
        return [{"explicit": float(probability)} for probability in probabilities]


def _labels(config: dict[str, Any]) -> list[str]:
    """In the order of the outputs; timm writes them beside or inside of `pretrained_cfg`."""
    labels = config.get("label_names") or config.get("pretrained_cfg", {}).get("label_names") or ()
    return [str(label).lower() for label in labels]
