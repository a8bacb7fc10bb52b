"""Which model to use, and why, and what must hold before anything is downloaded."""

import re
from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.engine.plan.memory import GB, Machine, pick
from ltx_mcp.engine.weights.folders import folder_source
from ltx_mcp.engine.weights.model_families import DEFAULT, FAMILIES, Family, named_by_id
from ltx_mcp.engine.weights.source import DiffusersSource, MicroSource, ModelSource
from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.hub.cache import Hub
from ltx_mcp.hub.refusals import unlicensed


@dataclass(frozen=True)
class Choice:
    """The model that will be used, and the reason in words, for `doctor`."""

    source: ModelSource
    reason: str


def choose(model: str, accepted_licence: bool, machine: Machine, hub: Hub) -> Choice:
    """Decide by the setting LTX_MCP_MODEL: `auto`, `micro`, a family, a folder or a repository id.

    `auto` takes LTX-2.3 where it can run and its licence was accepted, and else the micro model. Anything named is
    honoured or refused with ModelUnavailable. Nothing is loaded or downloaded here.
    """
    if model == "auto":
        return _automatic(accepted_licence, machine, hub)
    if model == "micro":
        return Choice(MicroSource(), "LTX_MCP_MODEL names the micro model.")
    for family in FAMILIES:
        if model == family.name:
            return Choice(_from_hub(family, accepted_licence, hub), f"LTX_MCP_MODEL names {family.name}.")
    folder = Path(model).expanduser()
    if folder.is_dir() or folder.is_absolute():
        return Choice(folder_source(folder), f"LTX_MCP_MODEL names the folder {folder}.")
    if re.fullmatch(r"[\w.-]+/[\w.-]+", model):
        family = named_by_id(model, hub.snapshot(model))
        return Choice(_from_hub(family, accepted_licence, hub), f"LTX_MCP_MODEL names the repository {model}.")
    names = ", ".join(["auto", "micro", *(family.name for family in FAMILIES)])
    raise ModelUnavailable(f"There is no model {model!r}.", f"LTX_MCP_MODEL is {names}, a repository id or a folder.")


@dataclass(frozen=True)
class Withheld:
    """A model that this machine would use, and does not only because nobody has accepted its licence.

    `missing_bytes` would be fetched then, about.
    """

    name: str
    missing_bytes: int


def withheld(model: str, machine: Machine, hub: Hub) -> Withheld | None:
    """What acceptance of the licence would change, by the setting LTX_MCP_MODEL. Reads the cache, fetches nothing."""
    try:
        source = choose(model, True, machine, hub).source
    except ModelUnavailable:
        return None
    if not isinstance(source, DiffusersSource) or Path(source.location).is_absolute():
        return None
    family = next((each for each in FAMILIES if each.name == source.info.name), None)
    family = family or named_by_id(source.location, hub.snapshot(source.location))
    return Withheld(family.name, family.missing_bytes(hub.cached_bytes(family.repos)))


def _automatic(accepted_licence: bool, machine: Machine, hub: Hub) -> Choice:
    if machine.cuda_bytes is None:
        return Choice(MicroSource(), "There is no CUDA device, so the micro model is used.")
    try:
        policy = pick("cuda", machine, DEFAULT.loaded_bytes)
        source = _from_hub(DEFAULT, accepted_licence, hub)
    except ModelUnavailable as obstacle:
        return Choice(MicroSource(), f"The micro model is used. {obstacle.message} {obstacle.hint}")
    memory = f"{machine.cuda_bytes / GB:.0f} GB of device memory"
    return Choice(source, f"{DEFAULT.about}: {memory} (policy {policy.name}), and its licence was accepted.")


def _from_hub(family: Family, accepted_licence: bool, hub: Hub) -> DiffusersSource:
    """The family's source, once nothing stands between it and the download."""
    if not accepted_licence:
        raise unlicensed(family.name, f"the {family.licence.removeprefix('the ')}", family.licence_url)
    _check_download(family, hub)
    return family.source()


def _check_download(family: Family, hub: Hub) -> None:
    cached, instead = hub.cached_bytes(family.repos), "point LTX_MCP_MODEL at a folder"
    if not all(cached.values()):
        hub.require_network(family.name, instead)
    if not hub.offline:
        hub.require_room(family.name, family.download_bytes - sum(cached.values()), instead)
