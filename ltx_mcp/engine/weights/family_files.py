"""Which files of the hub a model family is made of, so that they can be fetched before they are needed."""

from collections.abc import Iterable
from typing import Any

from ltx_mcp.engine.weights.model_families import Family
from ltx_mcp.engine.weights.source import UNUSED_COMPONENTS, UPSAMPLER_FOLDER
from ltx_mcp.hub.cache import Hub, HubFile
from ltx_mcp.hub.refusals import explained

INSTEAD = "set LTX_MCP_MODEL=micro"
INDEX = "model_index.json"
_NEEDED = (".safetensors", ".json", ".txt", ".model", ".jinja")
TIMEOUT_S = 20


def family_files(family: Family, hub: Hub) -> list[HubFile]:
    """Every file that running this family reads. Asks the hub. Raises ModelUnavailable, NotFound."""
    hub.require_network(family.name, INSTEAD)
    files = _listed(family.repo, family.revision, hub)
    folders = _components(files) - set(UNUSED_COMPONENTS)
    wanted = [file for file in files if _folder(file) in folders or file.file == INDEX]
    if family.upsampler_repo:
        others = _listed(family.upsampler_repo, family.upsampler_revision, hub)
        wanted += [file for file in others if _folder(file) == UPSAMPLER_FOLDER]
    return [*wanted, *(each for each in (family.adapter, family.temporal) if each is not None)]


def _listed(repo: str, revision: str, hub: Hub) -> list[HubFile]:
    """What the repository holds, without weights in other formats and other precisions."""
    from huggingface_hub import HfApi

    try:
        info: Any = HfApi(endpoint=hub.endpoint).model_info(
            repo, revision=revision, files_metadata=True, timeout=TIMEOUT_S
        )
    except Exception as error:  # httpx, the hub's own tree
        raise explained(error, repo, INSTEAD) from error
    files = (HubFile(repo, each.rfilename, each.size or 0, revision) for each in info.siblings or ())
    return [file for file in files if file.file.endswith(_NEEDED) and ".fp16." not in file.file]


def _components(files: Iterable[HubFile]) -> set[str]:
    """The folders of a repository in diffusers' layout."""
    return {_folder(file) for file in files} - {""}


def _folder(file: HubFile) -> str:
    return file.file.partition("/")[0] if "/" in file.file else ""
