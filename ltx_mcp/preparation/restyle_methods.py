"""The methods of restyling a video, and which one a request gets: as it says, or by what LoRAs are installed."""

from collections.abc import Sequence
from dataclasses import dataclass

from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.lora.card import LoraCard, reworking
from ltx_mcp.engine.lora.installed import Picked
from ltx_mcp.engine.plan.planning import Rework
from ltx_mcp.errors import BadInput
from ltx_mcp.types.requests import Control, RestyleMode, RestyleRequest

AS_TRAINED = 0.6
"""The strength, that of a request which gives none, up to which a reference is shown clean, as IC-LoRAs are trained.
Above, it fades into noise (LTX2ReferenceCondition.strength), until at 1 nothing of it is left."""

GET_RESTYLE = "Cseti/LTX2.3-22B_ReStyle_IC-LoRA"
GET_CONTROL = "Lightricks/LTX-2.3-22b-IC-LoRA-Union-Control"

REPAINTED = "Restyled by repainting: the source, noised by `strength`, then denoised towards the prompt."
_SIGNALS: dict[Control, str] = {"canny": "edges", "depth": "depth", "pose": "people's poses"}


@dataclass(frozen=True)
class RestyleMethod:
    """The LoRAs that act on a clip, and of a restyled one how it is made: `rework` is None for a repaint."""

    loras: tuple[Picked, ...]
    rework: Rework | None = None
    notes: tuple[str, ...] = ()

    @property
    def control(self) -> Control | None:
        return None if self.rework is None else self.rework.control

    @property
    def recipe(self) -> str:
        if self.rework is None:
            return "repaint"
        return f"structure ({self.rework.control})" if self.rework.control else "reference"


def choose_restyle_method(
    request: RestyleRequest, loras: Sequence[Picked], installed: Sequence[LoraCard], model: ModelCard
) -> RestyleMethod:
    """How to restyle with the LoRAs that were named. `installed` is all there is, for requests that name none.

    `auto`: an IC-LoRA that was named goes first, then an installed restyling IC-LoRA, then an installed control LoRA,
    then repainting, which needs none. Raises BadInput, which says what to get where.
    """
    named = [each for each in loras if each.card.kind == "ic_lora"]
    mode = _mode(request, named)
    if mode == "repaint":
        return RestyleMethod(tuple(loras), notes=(REPAINTED,))
    usable = reworking(installed, model.name)
    if mode == "auto":
        found = _restyling(usable) or _controlling(usable, "canny") if model.takes_loras else None
        if found is None:
            return RestyleMethod(tuple(loras), notes=(f"auto took repaint: {_why_repaint(model)}", REPAINTED))
        lora, control = Picked(found, found.strength), None if found.restyle else _control(found, None)
    else:
        lora, control = named[0] if named else _from_installed(mode, request.control, usable), None
        if mode == "structure":
            control = _control(lora.card, request.control)
    others = tuple(each for each in loras if each != lora)
    rework = Rework(lora.card, control, shown_strength(request.strength))
    return RestyleMethod((lora, *others), rework, _notes(request, rework, installed=not named))


def shown_strength(strength: float) -> float:
    """The reference's strength, 0..1, for the request's."""
    return 1.0 if strength <= AS_TRAINED else (1 - strength) / (1 - AS_TRAINED)


def _mode(request: RestyleRequest, named: Sequence[Picked]) -> RestyleMode:
    """What was asked, with what `auto` can tell by the arguments alone."""
    if len(named) > 1:
        names = " and ".join(each.card.name for each in named)
        raise BadInput(f"{names} are IC-LoRAs, and one reference can be reworked by one.", "Name one of them.")
    card = named[0].card if named else None
    if card is not None and card.unsupported:
        raise BadInput(f"{card.name} cannot be used here: {card.unsupported}.", "Leave it out.")
    if request.control is not None and request.mode in ("reference", "repaint"):
        raise BadInput(f"control goes with mode=structure, not with mode={request.mode}.", "Leave out one of them.")
    if card is None:
        return "structure" if request.control is not None else request.mode
    if request.mode == "repaint":
        hint = "Leave it out, or leave mode out: auto then takes it."
        raise BadInput(f"{card.name} is an IC-LoRA, which reworks a reference; repaint has none.", hint)
    if request.mode == "reference" and card.controls:
        takes = ", ".join(card.controls)
        raise BadInput(
            f"{card.name} reworks a control signal, not the video itself.", f"mode=structure; it takes {takes}."
        )
    if request.mode == "structure" and not (card.controls or request.control):
        hint = "mode=reference shows it the video itself. If it was made for a signal, name that in control."
        raise BadInput(f"{card.name} is not known as a control LoRA.", hint)
    return "structure" if card.controls or request.control else "reference"


def _restyling(usable: Sequence[LoraCard]) -> LoraCard | None:
    return next((card for card in usable if card.restyle), None)


def _controlling(usable: Sequence[LoraCard], control: Control) -> LoraCard | None:
    return next((card for card in usable if control in card.controls), None)


def _from_installed(mode: RestyleMode, control: Control | None, usable: Sequence[LoraCard]) -> Picked:
    found = _restyling(usable) if mode == "reference" else _controlling(usable, control or "canny")
    if found is not None:
        return Picked(found, found.strength)
    wanted = "an IC-LoRA" if mode == "reference" else f"a control LoRA that takes {control or 'canny'}"
    if mode == "reference" and usable:
        there = ", ".join(card.name for card in usable if not card.controls)
        if there:
            raise BadInput("mode=reference needs to know which IC-LoRA.", f"Name one in loras; there is {there}.")
    get = GET_RESTYLE if mode == "reference" else GET_CONTROL
    raise BadInput(
        f"mode={mode} needs {wanted}, and none for this model is installed.",
        f"Name {get} in loras to have it fetched, or let the user put its safetensors file, from"
        f" https://huggingface.co/{get}, into the folder that LTX_MCP_LORA_DIR names. mode=repaint works without.",
    )


def _control(card: LoraCard, asked: Control | None) -> Control:
    """The signal to give it: the one asked for, else canny, which needs no model, else its first."""
    if asked is not None and card.controls and asked not in card.controls:
        raise BadInput(f"{card.name} does not take {asked}.", f"It takes {', '.join(card.controls)}.")
    return asked or ("canny" if "canny" in card.controls or not card.controls else card.controls[0])


def _why_repaint(model: ModelCard) -> str:
    if not model.takes_loras:
        return f"{model.name} takes no LoRAs on this machine, and the other modes need one."
    return "no IC-LoRA for this model was named or is installed."


def _notes(request: RestyleRequest, rework: Rework, *, installed: bool) -> tuple[str, ...]:
    what = f"the source's {_SIGNALS[rework.control]}" if rework.control else "the source"
    notes = [f"Restyled by the IC-LoRA {rework.lora.name} from {what}."]
    if request.mode == "auto":
        mode = "structure" if rework.control else "reference"
        notes[0] = f"auto took {mode}: {rework.lora.name} {'is installed' if installed else 'was named'}. {notes[0]}"
    if rework.lora.template and rework.lora.template != rework.lora.triggers[0].word:
        notes.append(f"It was trained on prompts of this form: {rework.lora.template}")
    if request.strength < AS_TRAINED:
        notes.append(f"strength below {AS_TRAINED:g} changes nothing here: the reference is shown clean already.")
    return tuple(notes)
