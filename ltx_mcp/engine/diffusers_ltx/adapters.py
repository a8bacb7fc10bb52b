"""LoRAs on a loaded pipeline: checked against its layers first, taken off without a trace afterwards.

diffusers loads what fits and logs what does not, so a LoRA for another model would silently do nothing.
Here every layer of a file must be a layer of the model, in name and size, or the file is refused.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltx_mcp.engine.lora.card import LoraCard
from ltx_mcp.engine.lora.header import Layer, read_header
from ltx_mcp.engine.lora.installed import Picked
from ltx_mcp.errors import BadInput, ModelUnavailable
from ltx_mcp.types.callbacks import Check

if TYPE_CHECKING:
    import torch

_COMPONENTS = ("transformer", "connectors")  # that LTX2Pipeline takes LoRAs for
STYLES, IN_CONTEXT, DISTILLED = "loras", "in_context", "distilled"  # peft's names for the groups
_DOWN = ".lora_A.weight"  # as diffusers and peft name the half that goes down to the rank
_UP = ".lora_B.weight"
_COPY_AGAIN = "Put a whole copy of the file into LTX_MCP_LORA_DIR."


class ActiveAdapters:
    """The LoRAs that a pipeline wears, in groups: those that act in every pass, the IC-LoRAs, and the model's own.

    An IC-LoRA belongs to a pass that sees the reference which it reworks; elsewhere it would rework nothing, so it
    comes off there while the others stay. The distilled LoRA of an undistilled model is on where guidance is off.
    """

    def __init__(self, pipeline: Any, groups: Sequence[str]) -> None:
        self._pipeline = pipeline
        self._groups = tuple(groups)

    def fit(self, *, reference: bool, distilled: bool = False) -> None:
        """Get ready for a pass that sees a reference or none, with distilled weights or without. Moves no weights."""
        absent = {IN_CONTEXT: not reference, DISTILLED: not distilled}
        wanted = [group for group in self._groups if not absent.get(group)]
        for component in _COMPONENTS:
            model = getattr(self._pipeline, component)
            active = [group for group in wanted if group in getattr(model, "peft_config", {})]
            if active:
                model.enable_adapters()
                model.set_adapter(active)
            elif getattr(model, "peft_config", {}):
                model.disable_adapters()


@contextmanager
def applied(pipeline: Any, picked: Sequence[Picked], check: Check) -> Iterator[ActiveAdapters]:
    """While in force, these LoRAs act on the LTX-2 pipeline, and on every other that shares its transformer.

    Gives what switches the groups; at first all of these are on. Afterwards, however the block was left, all
    weights are bit for bit what they were, and a distilled LoRA stays. Enter it before hooks are put on the model's
    layers, and not twice at a time. `check` is called between the files. Raises BadInput where a file does not fit
    the model or the model's weights have eight bits; then nothing has been loaded.
    """
    fitting = [(each, _fitted(pipeline, each.card)) for each in picked]
    active = [(each, layers) for each, layers in fitting if each.strength != 0]
    groups = {
        name: members
        for name in (STYLES, IN_CONTEXT)
        if (members := [each for each in active if (each[0].card.kind == "ic_lora") == (name == IN_CONTEXT)])
    }
    there = {name for names in pipeline.get_list_adapters().values() for name in names}
    adapters = ActiveAdapters(pipeline, (*groups, *there & {DISTILLED}))
    if not active:
        yield adapters
        return
    if there - {DISTILLED}:
        raise RuntimeError("LoRAs are applied already; taking these off would take those off as well")
    try:
        for name, members in groups.items():
            tensors = _joined(members, pipeline.transformer.dtype, check)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Already found a `peft_config`")  # that of another group
                pipeline.load_lora_weights(tensors, adapter_name=name)
            del tensors  # gigabytes, held twice otherwise
        adapters.fit(reference=True)
        check()
        yield adapters
    finally:
        if DISTILLED in there:
            pipeline.delete_adapters(list(groups))
        else:
            pipeline.unload_lora_weights()


def load_distilled(pipeline: Any, file: Path) -> None:
    """Lay the distilled LoRA of an undistilled model around its weights, for good. Raises ModelUnavailable.

    It stays off until `ActiveAdapters.fit` turns it on. It is its maker's own file, and diffusers documents this very
    load, so its layers are not held against the model's one by one.
    """
    from safetensors import SafetensorError

    try:
        pipeline.load_lora_weights(str(file.parent), weight_name=file.name, adapter_name=DISTILLED)
    except (OSError, ValueError, RuntimeError, LookupError, SafetensorError) as broken:  # LookupError: no such layer
        raise ModelUnavailable(
            f"The distilled LoRA {file.name} could not be loaded: {broken}",
            "Delete the file, so that it is fetched again, or set LTX_MCP_MODEL to a distilled model.",
        ) from broken
    if not any(DISTILLED in names for names in pipeline.get_list_adapters().values()):
        raise ModelUnavailable(
            f"The distilled LoRA {file.name} fits no layer of the model.", "Set LTX_MCP_MODEL to a distilled model."
        )
    ActiveAdapters(pipeline, (DISTILLED,)).fit(reference=False)


def takes_loras(pipeline: Any) -> bool:
    """Not once its weights were cast to eight bits: the layers of a LoRA would be cast with them, and fail."""
    return all(weight.dtype.itemsize > 1 for name in _COMPONENTS for weight in getattr(pipeline, name).parameters())


def _fitted(pipeline: Any, card: LoraCard) -> dict[str, Layer]:
    """The file's layers by the names of the model's own. Raises BadInput where one is not there or has another size."""
    if not takes_loras(pipeline):
        raise BadInput(
            f"{card.name} cannot be used: this machine keeps the model in eight bits, where LoRAs cannot be added.",
            "Leave loras out, or let the user set LTX_MCP_MEMORY to a policy with 16-bit weights.",
        )
    layers = read_header(card.here).layers
    # diffusers only moves the values from key to key, so the file's own names can stand in for the tensors.
    renamed: dict[str, str] = pipeline.lora_state_dict({layer + _DOWN: layer for layer in layers})
    fitted = {key.removesuffix(_DOWN): layers[layer] for key, layer in renamed.items()}
    own = _linear_layers(pipeline)
    foreign = sorted(set(layers) - set(renamed.values())) + sorted(fitted.keys() - own.keys())
    if foreign:
        raise _misfit(card, f"{len(foreign)} of its {len(layers)} layers are not in this model, {foreign[0]!r} for one")
    for name, layer in fitted.items():
        theirs, ours = (layer.inputs, layer.outputs), (own[name].in_features, own[name].out_features)
        if theirs != ours:
            raise _misfit(card, f"its {name} is {theirs[0]} to {theirs[1]} wide, this model's {ours[0]} to {ours[1]}")
    return fitted


def _linear_layers(pipeline: Any) -> "dict[str, torch.nn.Linear]":
    import torch

    return {
        f"{component}.{name.removesuffix('.base_layer')}": module  # where the distilled LoRA is laid around it
        for component in _COMPONENTS
        for name, module in getattr(pipeline, component).named_modules()
        if isinstance(module, torch.nn.Linear) and ".lora_" not in name
    }


def _misfit(card: LoraCard, reason: str) -> BadInput:
    return BadInput(f"{card.name} was made for another model: {reason}.", "Use a LoRA for this model, or leave it out.")


def _joined(
    active: Sequence[tuple[Picked, dict[str, Layer]]], dtype: "torch.dtype", check: Check
) -> "dict[str, torch.Tensor]":
    """All LoRAs as one, under the names that diffusers wants: their ranks side by side in every layer.

    The sum of their changes is one product, `[s1 up1, s2 up2] @ [down1; down2]`, so several cost hardly more
    than one. Strength and alpha are multiplied in. Raises BadInput.
    """
    import torch

    halves: dict[str, list[torch.Tensor]] = {}
    for each, layers in active:
        check()
        tensors = _tensors(each.card)
        for name, layer in layers.items():
            alpha = float(tensors[layer.alpha]) if isinstance(layer.alpha, str) else layer.alpha
            scale = each.strength * (1.0 if alpha is None else alpha / layer.rank)
            halves.setdefault(name + _DOWN, []).append(tensors[layer.down].to(dtype))
            halves.setdefault(name + _UP, []).append((tensors[layer.up].float() * scale).to(dtype))
    return {name: torch.cat(parts, dim=0 if name.endswith(_DOWN) else 1) for name, parts in halves.items()}


def _tensors(card: LoraCard) -> "dict[str, torch.Tensor]":
    """What the file holds, by its own names. Raises BadInput."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(card.here)
    except (OSError, SafetensorError) as error:
        raise BadInput(f"{card.name} cannot be read: {error}.", _COPY_AGAIN) from None
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise BadInput(f"{card.name} holds infinite weights: the file is damaged.", _COPY_AGAIN)
    return tensors
