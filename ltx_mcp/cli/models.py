"""`ltx-mcp models`: the known model families, whether each fits this machine, and what is still to be downloaded."""

from ltx_mcp.engine.plan.memory import GB, Machine, pick, probe_machine, resolve_device
from ltx_mcp.engine.weights.model_families import FAMILIES, Family
from ltx_mcp.engine.weights.source import MICRO
from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.hub.cache import Hub, local_hub
from ltx_mcp.settings import Settings
from ltx_mcp.types.requests import Quality
from ltx_mcp.types.value import Value


class FamilyLine(Value):
    """One family. `fits` is "yes" with the memory policy, or why not; sizes in bytes, of disk.

    `gated`: its terms must be accepted on Hugging Face, and HF_TOKEN set.
    """

    name: str
    about: str
    repo: str
    fits: str
    here: bool
    disk_bytes: int
    missing_bytes: int
    qualities: tuple[Quality, ...]
    licence: str
    licence_url: str
    gated: bool = False


def known_families(settings: Settings, machine: Machine | None = None, hub: Hub | None = None) -> list[FamilyLine]:
    """The micro model and every family. Looks at the disk and the driver only: nothing is loaded or fetched.

    Raises ModelUnavailable where LTX_MCP_DEVICE or LTX_MCP_MEMORY names something that is not there.
    """
    machine, hub = machine or probe_machine(), hub or local_hub()
    device = resolve_device(settings.device, machine)
    micro = FamilyLine(
        name=MICRO.name,
        about=MICRO.label,
        repo="",
        fits=_fits(device, machine, MICRO.weights_bytes, "auto"),
        here=True,
        disk_bytes=0,
        missing_bytes=0,
        qualities=tuple(MICRO.recipes),
        licence=MICRO.licence,
        licence_url="",
    )
    return [micro, *(_line(family, device, settings.memory, machine, hub) for family in FAMILIES)]


def _line(family: Family, device: str, memory: str, machine: Machine, hub: Hub) -> FamilyLine:
    missing = family.missing_bytes(hub.cached_bytes(family.repos))
    return FamilyLine(
        name=family.name,
        about=family.about,
        repo=family.repo,
        fits=_fits(device, machine, family.loaded_bytes, memory),
        here=missing == 0,
        disk_bytes=family.download_bytes,
        missing_bytes=missing,
        qualities=tuple(family.recipes),
        licence=family.licence,
        licence_url=family.licence_url,
        gated=family.gated,
    )


def _fits(device: str, machine: Machine, weights_bytes: int, memory: str) -> str:
    try:
        policy = pick(device, machine, weights_bytes, memory)
    except ModelUnavailable as obstacle:
        return f"no: {obstacle.message}"
    size = machine.cuda_bytes if device.startswith("cuda") else machine.ram_bytes
    return f"yes, policy {policy.name} in {(size or 0) / GB:.0f} GB"
