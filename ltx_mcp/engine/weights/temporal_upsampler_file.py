"""A temporal x2 upsampler from a single file in Lightricks' own layout. Needs torch.

No repository in diffusers' layout is known for LTX-2.0 or 2.3. None is needed: diffusers' conversion script for the
spatial one (scripts/convert_ltx2_to_diffusers.py) renames nothing, the two classes have the same layers by the same
names, and Lightricks' class differs for the temporal one by two flags alone. Those stand in the file's metadata.
"""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.ltx2 import LTX2LatentUpsamplerModel
from safetensors import SafetensorError, safe_open

from ltx_mcp.errors import ModelUnavailable

_BLOCK = "res_blocks."


def load_temporal_file(path: Path, dtype: torch.dtype) -> Any:
    """LTX2LatentUpsamplerModel on the CPU, its sizes read off the weights. Raises ModelUnavailable."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError) as broken:
        raise _unusable(path, str(broken)) from broken
    _check_is_temporal(path, metadata, weights)
    first = weights["initial_conv.weight"]
    blocks = {name.split(".")[1] for name in weights if name.startswith(_BLOCK)}
    model = LTX2LatentUpsamplerModel(
        in_channels=first.shape[1],
        mid_channels=first.shape[0],
        num_blocks_per_stage=len(blocks),
        dims=3,
        spatial_upsample=False,
        temporal_upsample=True,
        use_rational_resampler=False,
    )
    try:
        model.load_state_dict(weights, strict=True)
    except RuntimeError as misfit:
        raise _unusable(path, str(misfit).splitlines()[-1].strip()) from misfit
    return model.to(dtype).eval().requires_grad_(False)


def _check_is_temporal(path: Path, metadata: dict[str, str], weights: dict[str, torch.Tensor]) -> None:
    """The spatial one has a kernel of two dimensions here, and one that does both gives eight times the channels."""
    config = _config(metadata)
    first, upsampler = weights.get("initial_conv.weight"), weights.get("upsampler.0.weight")
    if first is None or upsampler is None or first.ndim != 5:
        raise _unusable(path, "it holds no latent upsampler in three dimensions")
    doubles = upsampler.ndim == 5 and upsampler.shape[0] == 2 * upsampler.shape[1]
    if not doubles or config.get("spatial_upsample") is True or config.get("temporal_upsample") is False:
        raise _unusable(path, "it is an upsampler of another kind")


def _config(metadata: dict[str, str]) -> dict[str, Any]:
    try:
        config = json.loads(metadata.get("config", "{}"))
    except ValueError:
        return {}
    return config if isinstance(config, dict) else {}


def _unusable(path: Path, why: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"The temporal upsampler {path.name} cannot be used: {why}.",
        "Delete the file, so that it is fetched again; in a folder of your own, take it out.",
    )
