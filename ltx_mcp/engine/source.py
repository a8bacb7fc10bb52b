"""Where a model comes from: made on the spot, or loaded from a repository or a folder. One engine runs them all."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ltx_mcp.engine.decode import CPU_WINDOWS, GPU_WINDOWS, DecodeWindows
from ltx_mcp.engine.recipes import DISTILLED, ONE_STAGE, Recipes
from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.sizes import Resolution

PROMPT_TOKENS = 1024  # of LTX-2 (diffusers 0.42.1: the default max_sequence_length of its pipelines)
UPSAMPLER_FOLDER = "latent_upsampler"  # of a diffusers repository that ships one
UPSAMPLER_BYTES = 995_743_560  # the published x2 file

IMAGE_CRF = 33
"""H.264 quality of the still images that LTX-2 up to 2.3 was conditioned on in training (diffusers 0.42.1,
pipelines/ltx2/utils.py: DEFAULT_IMAGE_CRF). A clean image is unlike them, and the clip then tends to stand still."""


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model before it is loaded. `weights_bytes` are those of all components."""

    name: str
    label: str
    default_resolution: Resolution
    trained_short_side: int  # pixels
    weights_bytes: int
    windows: DecodeWindows
    licence: str = ""
    caveat: str = ""  # what every result must say
    recipes: Recipes = field(default_factory=lambda: DISTILLED)
    image_crf: int = IMAGE_CRF  # of H.264, which ages still images as in this model's training


@dataclass(frozen=True)
class Components:
    """A loaded model: LTX2Pipeline's components by name, the x2 upsampler if there is one, prompt tokens at most."""

    parts: dict[str, Any]
    upsampler: Any | None
    prompt_tokens: int


class ModelSource(Protocol):
    """Gives the engine a model."""

    @property
    def info(self) -> ModelInfo: ...

    def components(self) -> Components:
        """Load or make the components, in host memory. Raises ModelUnavailable."""


MICRO = ModelInfo(
    name="micro",
    label="The micro model is untrained but for its video VAE: what it makes is noise. It proves the loop only.",
    default_resolution="240p",
    trained_short_side=240,
    weights_bytes=29_000_000,
    windows=CPU_WINDOWS,
    licence="Apache-2.0",
    caveat="The micro model is untrained: this clip is noise, picture and sound.",
)


@dataclass(frozen=True)
class MicroSource:
    """The micro model, made from its seed in well under a second."""

    info: ModelInfo = MICRO

    def components(self) -> Components:
        from ltx_mcp.micro.build import MAX_PROMPT_TOKENS, build

        parts = build()
        return Components(parts, parts.pop("latent_upsampler"), MAX_PROMPT_TOKENS)


@dataclass(frozen=True)
class DiffusersSource:
    """A model in diffusers' layout, from a repository id at a revision or from a folder. Safetensors only.

    `upsampler` names the repository or folder whose `latent_upsampler/` makes stage two possible. Built only
    after the licence was accepted or the folder was found (weights.py): `components` downloads without asking.
    """

    info: ModelInfo
    location: str
    revision: str | None = None
    upsampler: str | None = None
    upsampler_revision: str | None = None
    dtype: str = "bfloat16"

    def components(self) -> Components:
        import torch
        from diffusers import LTX2Pipeline
        from diffusers.pipelines.ltx2 import LTX2LatentUpsamplerModel

        options = {"dtype": getattr(torch, self.dtype), "use_safetensors": True}
        try:
            pipeline = LTX2Pipeline.from_pretrained(self.location, revision=self.revision, **options)
            upsampler = self.upsampler and LTX2LatentUpsamplerModel.from_pretrained(
                self.upsampler, subfolder=UPSAMPLER_FOLDER, revision=self.upsampler_revision, **options
            )
        except (OSError, ValueError, ImportError) as broken:  # what the hub and the loaders raise
            raise ModelUnavailable(
                f"{self.info.name} could not be loaded from {self.location}: {broken}",
                "Check the network, the disk and HF_TOKEN, or set LTX_MCP_MODEL=micro.",
            ) from broken
        tokens = min(pipeline.tokenizer.model_max_length, PROMPT_TOKENS)
        return Components(dict(pipeline.components), upsampler or None, tokens)


def folder_source(folder: Path) -> DiffusersSource:
    """The model in this folder; two stages if it holds an upsampler. Raises ModelUnavailable if it holds no model."""
    if not (folder / "model_index.json").is_file():
        raise ModelUnavailable(
            f"{folder} holds no model_index.json, so it is not a model in diffusers' layout.",
            "Name the folder that `save_pretrained` wrote or `hf download` filled.",
        )
    upsampler = str(folder) if (folder / UPSAMPLER_FOLDER).is_dir() else None
    info = ModelInfo(
        name=folder.name,
        label=f"A model from the folder {folder.name}.",
        default_resolution="720p",
        trained_short_side=1080,
        weights_bytes=sum(file.stat().st_size for file in folder.rglob("*.safetensors")),
        windows=GPU_WINDOWS,
        licence="as stated by whoever made the folder",
        recipes=DISTILLED if upsampler else ONE_STAGE,
    )
    return DiffusersSource(info, str(folder), upsampler=upsampler)
