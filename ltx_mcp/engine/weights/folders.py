"""A model in a folder of the user's: what it can make is told by what lies in it."""

import json
from pathlib import Path
from typing import Any

from ltx_mcp.engine.diffusers_ltx.decode import GPU_WINDOWS
from ltx_mcp.engine.plan.quality_presets import Guidance, Recipes, distilled, guided, undistilled
from ltx_mcp.engine.weights.source import UPSAMPLER_FOLDER, DiffusersSource, ModelInfo
from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.hub.cache import HubFile


def folder_source(folder: Path) -> DiffusersSource:
    """The model in this folder, with the recipes that its parts allow. Raises ModelUnavailable if it holds none."""
    if not (folder / "model_index.json").is_file():
        raise ModelUnavailable(
            f"{folder} holds no model_index.json, so it is not a model in diffusers' layout.",
            "Name the folder that `save_pretrained` wrote or `hf download` filled.",
        )
    adapter, temporal = distilled_lora(folder), temporal_upsampler(folder)
    info = ModelInfo(
        name=folder.name,
        label=f"A model from the folder {folder.name}.",
        default_resolution="720p",
        trained_short_side=1080,
        weights_bytes=sum(file.stat().st_size for file in folder.rglob("*.safetensors")),
        windows=GPU_WINDOWS,
        licence="as stated by whoever made the folder",
        recipes=recipes_of(folder, has_upsampler(folder), adapter is not None),
        doubles_rate=temporal is not None,
    )
    upsampler = str(folder) if has_upsampler(folder) else None
    return DiffusersSource(info, str(folder), upsampler=upsampler, adapter=adapter, temporal=temporal)


def recipes_of(folder: Path, upsampler: bool, adapter: bool) -> Recipes:
    """What the model in this folder makes with an upsampler or a distilled LoRA at hand, or without.

    A scheduler that shifts by size is that of an undistilled model. The prompt modulates the cross-attention
    (`cross_attn_mod`) from LTX-2.3 on; an older transformer has LTX-2.0's cross timesteps and block to weaken.
    """
    transformer = _config(folder / "transformer" / "config.json")
    newer = bool(transformer.get("cross_attn_mod"))
    if not _config(folder / "scheduler" / "scheduler_config.json").get("use_dynamic_shifting"):
        return distilled(Guidance(use_cross_timestep=newer), upsampler)
    block = min(28 if newer else 29, int(transformer.get("num_layers", 48)) - 1)
    return undistilled(guided(block, newer), adapter=adapter, upsampler=upsampler)


def has_upsampler(folder: Path) -> bool:
    return (folder / UPSAMPLER_FOLDER).is_dir()


def distilled_lora(folder: Path) -> HubFile | None:
    """The newest of those that Lightricks puts beside an undistilled model, by name."""
    return _newest(folder, "*distilled-lora*.safetensors")


def temporal_upsampler(folder: Path) -> HubFile | None:
    """The newest of those that Lightricks puts beside its models, by name."""
    return _newest(folder, "*temporal-upscaler*.safetensors")


def _newest(folder: Path, pattern: str) -> HubFile | None:
    found = sorted(folder.glob(pattern))
    return HubFile(str(folder.absolute()), found[-1].name, found[-1].stat().st_size) if found else None


def _config(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
