"""Where a model comes from: made on the spot, or loaded from a repository or a folder. One engine runs them all."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ltx_mcp.engine.diffusers_ltx.decode import CPU_WINDOWS, DecodeWindows
from ltx_mcp.engine.plan.quality_presets import DISTILLED, Pass, Recipe, Recipes, guided, presets
from ltx_mcp.engine.plan.sigmas import REFINE_SIGMAS, undistilled_sigmas
from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.hub.cache import HubFile, local_hub
from ltx_mcp.hub.download import fetch
from ltx_mcp.hub.refusals import explained
from ltx_mcp.types.sizes import Resolution

PROMPT_TOKENS = 1024  # of LTX-2 (diffusers 0.42.1: the default max_sequence_length of its pipelines)
UPSAMPLER_FOLDER = "latent_upsampler"  # of a diffusers repository that ships one
UNUSED_COMPONENTS = ("prompt_enhancer", "processor", "duration_head")  # of LTX-2.5; not fetched either
_INSTEAD = "set LTX_MCP_MODEL=micro"
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
    conditioned_caveat: str = ""  # what a result that was shown frames must say besides
    finals_improve: bool = True  # whether the final of a draft looks better
    recipes: Recipes = field(default_factory=lambda: DISTILLED)
    image_crf: int = IMAGE_CRF  # of H.264, which ages still images as in this model's training
    doubles_rate: bool = False  # it comes with a temporal x2 upsampler


@dataclass(frozen=True)
class Components:
    """A loaded model: LTX2Pipeline's components by name, the x2 upsampler if there is one, prompt tokens at most.

    `adapter` is the file of the distilled LoRA, which an undistilled model needs wherever guidance is off. `temporal`
    is the upsampler that doubles the rate.
    """

    parts: dict[str, Any]
    upsampler: Any | None
    prompt_tokens: int
    adapter: Path | None = None
    temporal: Any | None = None


class ModelSource(Protocol):
    """Gives the engine a model."""

    @property
    def info(self) -> ModelInfo: ...

    def components(self) -> Components:
        """Load or make the components, in host memory. Raises ModelUnavailable."""


MICRO_PRESETS = presets(
    *DISTILLED.values(),
    Recipe("best", (Pass(undistilled_sigmas(6), 2, guided(1)), Pass(REFINE_SIGMAS))),
)
"""The micro model needs no LoRA to do with and without guidance, and has enough blocks. Six steps prove the mode."""

MICRO_DRAWS = (
    "one red, green, blue or yellow circle, square or triangle moving left, right, up or down on a plain black or navy "
    "background"
)

MICRO = ModelInfo(
    name="micro",
    label=f"The micro model knows a small drawn world only: {MICRO_DRAWS}. Its edges are soft. It proves the loop.",
    default_resolution="240p",
    trained_short_side=240,
    weights_bytes=65_000_000,
    windows=CPU_WINDOWS,
    licence="Apache-2.0",
    caveat=f"The micro model draws {MICRO_DRAWS}, whatever else is asked.",
    conditioned_caveat="Shown frames, it goes on with what they show: the prompt cannot change the subject there.",
    finals_improve=False,  # docs/micro.md: kinds are mistaken more often in finals, and edges are softer
    recipes=MICRO_PRESETS,
    doubles_rate=True,
)


@dataclass(frozen=True)
class MicroSource:
    """The micro model, loaded from this package in about a second."""

    info: ModelInfo = MICRO

    def components(self) -> Components:
        from ltx_mcp.micro.build import MAX_PROMPT_TOKENS, build
        from ltx_mcp.micro.temporal import load_temporal_upsampler

        parts = build()
        spatial = parts.pop("latent_upsampler")
        return Components(parts, spatial, MAX_PROMPT_TOKENS, temporal=load_temporal_upsampler())


@dataclass(frozen=True)
class DiffusersSource:
    """A model in diffusers' layout, from a repository id at a revision or from a folder. Safetensors only.

    `upsampler` names the repository or folder whose `latent_upsampler/` makes stage two possible; `temporal` is a
    temporal upsampler's file in Lightricks' own layout, as none is known in diffusers'. Built only after the licence
    was accepted or the folder was found (weights.py): `components` downloads without asking.
    """

    info: ModelInfo
    location: str
    revision: str | None = None
    upsampler: str | None = None
    upsampler_revision: str | None = None
    adapter: HubFile | None = None
    temporal: HubFile | None = None
    guessed: bool = False
    dtype: str = "bfloat16"

    def components(self) -> Components:
        import torch
        from diffusers import LTX2Pipeline
        from diffusers.pipelines.ltx2 import LTX2LatentUpsamplerModel

        from ltx_mcp.engine.weights.temporal_upsampler_file import load_temporal_file

        options = {"dtype": getattr(torch, self.dtype), "use_safetensors": True}
        unused = dict.fromkeys(UNUSED_COMPONENTS)
        try:
            pipeline = LTX2Pipeline.from_pretrained(self.location, revision=self.revision, **options, **unused)
            upsampler = self.upsampler and LTX2LatentUpsamplerModel.from_pretrained(
                self.upsampler, subfolder=UPSAMPLER_FOLDER, revision=self.upsampler_revision, **options
            )
        except (OSError, ValueError, ImportError) as broken:  # what the hub and the loaders raise
            raise explained(broken, self.location, _INSTEAD) from broken
        adapter, temporal = _fetched(self.adapter), _fetched(self.temporal)
        if self.guessed and pipeline.scheduler.config.get("use_dynamic_shifting"):
            raise ModelUnavailable(
                f"{self.info.name} is an undistilled model, and was taken for a distilled one.",
                "Start again: it is here now, and will be run as what it is.",
            )
        tokens = min(pipeline.tokenizer.model_max_length, PROMPT_TOKENS)
        doubling = None if temporal is None else load_temporal_file(temporal, options["dtype"])
        return Components(dict(pipeline.components), upsampler or None, tokens, adapter, doubling)


def _fetched(file: HubFile | None) -> Path | None:
    return None if file is None else fetch(local_hub(), [file], _INSTEAD)[0]
