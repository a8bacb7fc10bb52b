"""`ltx-mcp models`: each family on this machine, without loading or fetching anything."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from ltx_mcp.cli.doctor import _finding, _model
from ltx_mcp.cli.models import FamilyLine, known_families
from ltx_mcp.cli.setup import Planned, _video
from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine
from ltx_mcp.engine.plan.memory import GB, Machine
from ltx_mcp.engine.weights.model_families import DEFAULT, FAMILIES
from ltx_mcp.engine.weights.source import MicroSource
from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.hub.cache import Hub
from ltx_mcp.settings import Settings

LAPTOP = Machine(ram_bytes=16 * GB)
STATION = Machine(ram_bytes=128 * GB, cuda_bytes=24 * GB)


class CountingHub(Hub):
    """A cache that holds as much of each repository as it is told."""

    def __init__(self, held: dict[str, int]) -> None:
        super().__init__(Path("nowhere"))
        object.__setattr__(self, "held", held)

    def cached_bytes(self, repos: Iterable[str]) -> dict[str, int]:
        held: dict[str, int] = self.held  # type: ignore[attr-defined]
        return {repo: held.get(repo, 0) for repo in repos}


def lines(tmp_path: Path, machine: Machine, hub: Hub | None = None, **settings: str) -> dict[str, FamilyLine]:
    found = known_families(Settings(data_dir=tmp_path, **settings), machine, hub or CountingHub({}))  # type: ignore[arg-type]
    return {line.name: line for line in found}


def test_every_family_and_the_micro_model_are_listed_with_licence_and_size(tmp_path: Path) -> None:
    found = lines(tmp_path, STATION)
    assert list(found) == ["micro", *(family.name for family in FAMILIES)]
    assert all(line.licence for line in found.values())
    assert found["ltx-2.3-dev"].disk_bytes == pytest.approx(79.1e9, rel=0.01)
    assert found["ltx-2.3-dev"].qualities == ("draft", "final", "best")
    assert found["micro"].here
    assert not found["ltx-2.3"].here
    assert [line.name for line in found.values() if line.gated] == ["ltx-2.5"]


def test_what_fits_is_said_with_the_policy_and_what_does_not_with_the_reason(tmp_path: Path) -> None:
    assert lines(tmp_path, STATION)["ltx-2.3"].fits == "yes, policy stream-8bit in 24 GB"
    on_laptop = lines(tmp_path, LAPTOP)
    assert on_laptop["micro"].fits.startswith("yes")
    assert on_laptop["ltx-2.3"].fits.startswith("no: ")


def test_here_is_what_need_not_be_fetched(tmp_path: Path) -> None:
    [family] = [family for family in FAMILIES if family.name == "ltx-2.3-dev"]
    assert family.adapter is not None
    assert family.temporal is not None
    files = family.adapter.bytes + family.temporal.bytes  # both lie there
    whole = {family.repo: family.weights_bytes, "Lightricks/LTX-2.3": files}
    without_upsampler = lines(tmp_path, STATION, CountingHub(whole))["ltx-2.3-dev"]
    assert not without_upsampler.here
    assert without_upsampler.missing_bytes == pytest.approx(1e9, rel=0.01)
    assert family.upsampler_repo is not None
    hub = CountingHub({**whole, family.upsampler_repo: without_upsampler.missing_bytes})
    assert lines(tmp_path, STATION, hub)["ltx-2.3-dev"].here


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cpu:0", "banana", "cuda"])
def test_a_device_that_is_not_here_is_refused_everywhere_with_a_remedy(tmp_path: Path, device: str) -> None:
    with pytest.raises(ModelUnavailable, match=f"LTX_MCP_DEVICE={device}"):
        lines(tmp_path, LAPTOP, device=device)
    with pytest.raises(ModelUnavailable, match=f"LTX_MCP_DEVICE={device}"):
        LtxEngine(MicroSource(), device=device, machine=LAPTOP)


def test_the_doctor_reports_a_device_that_does_not_exist(tmp_path: Path) -> None:
    finding = _finding("model", _model, Settings(data_dir=tmp_path, device="banana", model="micro"))
    assert not finding.ok
    assert "LTX_MCP_DEVICE=banana" in finding.found
    assert "auto, cpu, cuda" in finding.remedy


def video(machine: Machine, hub: Hub | None = None, **settings: object) -> list[Planned]:
    return _video(Settings.model_validate(settings), hub or CountingHub({}), machine)


def test_setup_wants_the_video_model_only_where_it_can_run_and_fetches_it_only_on_consent() -> None:
    assert video(LAPTOP) == []
    assert video(STATION, model="micro") == []
    [unread] = video(STATION, accept_licence=False)
    assert unread.fetch is None
    assert "ltx-mcp licence --accept" in unread.part.line
    [agreed] = video(STATION, accept_licence=True)
    assert agreed.fetch is not None
    assert "GB to fetch. Licence: LTX-2 Community License" in agreed.part.line
    [too_large] = video(LAPTOP, model="ltx-2.3", accept_licence=True)
    assert too_large.fetch is None
    assert "The model" in too_large.part.line
    held = dict.fromkeys(DEFAULT.repos, 80 * GB)
    [here] = video(STATION, CountingHub(held))
    assert (here.part.here, here.fetch) == (True, None)
