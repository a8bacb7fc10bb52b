"""Acceptance of the weights' licence: recorded in its version, and taken back."""

import json
from pathlib import Path

from ltx_mcp.licences import RECORD, events, is_accepted, record
from ltx_mcp.settings import Settings


def accepts(folder: Path, **environ: str) -> bool:
    return Settings.load({"LTX_MCP_DATA_DIR": str(folder), **environ}).licence_is_accepted


def test_acceptance_is_recorded_and_revocable_and_a_setting_overrules_it(tmp_path: Path) -> None:
    assert not accepts(tmp_path)
    record(tmp_path, "accepted")
    assert accepts(tmp_path)
    assert not accepts(tmp_path, LTX_MCP_ACCEPT_LICENCE="false")
    record(tmp_path, "revoked")
    assert not accepts(tmp_path)
    assert {event["said"] for event in events(tmp_path)} == {"accepted", "revoked"}, "what was said stays"


def test_another_version_is_asked_about_again_and_a_broken_record_accepts_nothing(tmp_path: Path) -> None:
    record(tmp_path, "accepted")
    path = tmp_path / RECORD
    path.write_text(json.dumps([{**event, "version": "2020-01-01"} for event in events(tmp_path)]))
    assert not is_accepted(tmp_path)
    path.write_text('[{"licence"')
    assert not is_accepted(tmp_path)
