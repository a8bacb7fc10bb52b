"""What a LoRA file holds, from its header: pairs of small matrices for layers of a model, and metadata.

Nothing but the header is read, and no header larger than any honest one.
"""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltx_mcp.errors import BadInput

MAX_HEADER_BYTES = 8_000_000  # a LoRA on every layer of LTX-2.3 has some 3,000 tensors: about 0.4 MB
MAX_FILE_BYTES = 10_000_000_000  # the largest published, LTX-2's distilled LoRA of rank 384, has 7.67 GB

_TENSOR = re.compile(r"(?P<layer>.+)\.(?:lora_(?P<half>A|B|down|up)\.weight|(?P<alpha>alpha))")
_DOWN = frozenset({"A", "down"})
_FLOATS = frozenset({"F32", "F16", "BF16"})
_ADAPTER_METADATA = "lora_adapter_metadata"  # diffusers 0.42.1, loaders/lora_base.py: the LoraConfig as JSON
_UNKNOWN_SCALING = ("alpha_pattern", "use_rslora", "use_dora")


@dataclass(frozen=True)
class Layer:
    """One layer's change, `up @ down` times `scale`: the tensors' names in the file, and their sizes."""

    down: str  # (rank, inputs)
    up: str  # (outputs, rank)
    rank: int
    inputs: int
    outputs: int
    alpha: float | str | None  # a number, or the tensor that holds it; the change is scaled by alpha / rank


@dataclass(frozen=True)
class Header:
    """A whole LoRA file of `bytes`, its layers by the names that the file gives them."""

    bytes: int
    layers: dict[str, Layer]
    metadata: dict[str, str]


def read_header(path: Path) -> Header:
    """Raises BadInput with the reason where the file is damaged, of another kind, or holds no LoRA."""
    from safetensors import SafetensorError, safe_open

    try:
        size = _checked_size(path)
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (it is not a mapping)
            shapes = {name: (each.get_dtype(), tuple(each.get_shape())) for name, each in slices.items()}
    except SafetensorError as error:
        raise BadInput(f"It is not a safetensors file, or is damaged ({error}).") from None
    except OSError as error:
        raise BadInput(f"It cannot be read: {error.strerror or error}.") from None
    return header_of(size, shapes, metadata)


def header_of(size: int, shapes: dict[str, tuple[str, tuple[int, ...]]], metadata: dict[str, str]) -> Header:
    """The header of a file of this size in bytes, from each tensor's type and shape. Raises BadInput."""
    return Header(size, _layers(shapes, _adapter_alphas(metadata)), metadata)


def _checked_size(path: Path) -> int:
    """The file's size in bytes, once it and its header are known to be sane: the header is parsed in memory."""
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise BadInput(f"It has {size:,} bytes, more than any LoRA.")
    with path.open("rb") as file:
        header_bytes = int.from_bytes(file.read(8), "little")
    if header_bytes > MAX_HEADER_BYTES:
        raise BadInput(f"It is not a safetensors file, or is damaged: its header would have {header_bytes:,} bytes.")
    return size


def _layers(shapes: dict[str, tuple[str, tuple[int, ...]]], alphas: dict[str, float]) -> dict[str, Layer]:
    halves: dict[str, dict[str, str]] = {}
    for name in shapes:
        found = _TENSOR.fullmatch(name)
        if found is None:
            raise BadInput(f"It holds {name[:120]!r}, which does not belong in a plain LoRA.")
        part = "alpha" if found["alpha"] else "down" if found["half"] in _DOWN else "up"
        halves.setdefault(found["layer"], {})[part] = name
    if not halves:
        raise BadInput("It is empty.")
    return {layer: _layer(layer, names, shapes, alphas) for layer, names in halves.items()}


def _layer(
    layer: str, names: dict[str, str], shapes: dict[str, tuple[str, tuple[int, ...]]], alphas: dict[str, float]
) -> Layer:
    if not {"down", "up"} <= names.keys():
        raise BadInput(f"It is incomplete: half of {layer[:120]!r} is missing.")
    (down_type, down), (up_type, up) = shapes[names["down"]], shapes[names["up"]]
    if not {down_type, up_type} <= _FLOATS:
        raise BadInput(
            f"Its weights are stored as {down_type} and {up_type}; only {', '.join(sorted(_FLOATS))} are read."
        )
    if len(down) != 2 or len(up) != 2 or down[0] != up[1] or 0 in (*down, *up):
        raise BadInput(f"The two halves of {layer[:120]!r} do not fit each other: {list(down)} and {list(up)}.")
    if "alpha" in names and math.prod(shapes[names["alpha"]][1]) != 1:
        raise BadInput(f"The alpha of {layer[:120]!r} is not a single number.")
    alpha = names.get("alpha", alphas.get(layer.partition(".")[0]))
    return Layer(names["down"], names["up"], down[0], down[1], up[0], alpha)


def _adapter_alphas(metadata: dict[str, str]) -> dict[str, float]:
    """Alpha by component, as files that diffusers saved state it. The rest of their settings is not followed:

    some initialisations that peft offers there rewrite the model's own weights.
    """
    text = metadata.get(_ADAPTER_METADATA)
    if text is None:
        return {}
    try:
        settings: dict[str, Any] = dict(json.loads(text))
    except (ValueError, TypeError, RecursionError):
        raise BadInput(f"Its {_ADAPTER_METADATA} cannot be read.") from None
    unknown = [name for name, value in settings.items() if value and name.rpartition(".")[2] in _UNKNOWN_SCALING]
    if unknown:
        raise BadInput(f"It was trained with {unknown[0].rpartition('.')[2]}, which is not supported.")
    alphas = {name.partition(".")[0]: value for name, value in settings.items() if name.endswith(".lora_alpha")}
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in alphas.values()):
        raise BadInput(f"The lora_alpha in its {_ADAPTER_METADATA} is not a number.")
    return alphas
