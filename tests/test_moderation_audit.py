"""The audit file: enough to answer for a refusal, and never the words."""

import json
from hashlib import sha256
from pathlib import Path

from ltx_mcp.moderation.audit import KEPT, Audit, audit_line
from ltx_mcp.moderation.prompts import Finding
from ltx_mcp.types.clips import Verdict

PROMPT = "some refused words"
FINDING = Finding("sexual", "sexual.explicit", hard=False)
VERDICT = Verdict(verdict="refused", model="m-1", max_score=0.9, category="explicit", threshold=0.8, frames_seen=3)


def test_a_line_tells_rule_or_scores_and_the_digest_of_the_prompt() -> None:
    words, frames = audit_line("j1", FINDING, PROMPT), audit_line("j1", VERDICT, PROMPT)
    assert (words["gate"], words["rule_id"], words["category"]) == ("prompt", "sexual.explicit", "sexual")
    assert (frames["gate"], frames["max_score"], frames["threshold"], frames["model"]) == ("frames", 0.9, 0.8, "m-1")
    assert words["job_id"] == frames["job_id"] == "j1"
    assert words["prompt_sha256"] == frames["prompt_sha256"] == sha256(PROMPT.encode()).hexdigest()


def test_the_file_grows_by_lines_without_the_prompt_and_is_the_owners(tmp_path: Path) -> None:
    path = tmp_path / "state" / "audit.jsonl"
    Audit(path).prompt_refused("j1", PROMPT, FINDING)
    Audit(path).frames_refused("j2", PROMPT, VERDICT)
    text = path.read_text("utf-8")
    assert [json.loads(line)["job_id"] for line in text.splitlines()] == ["j1", "j2"]
    assert "words" not in text
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_file_is_set_aside_and_no_line_is_lost_or_changed(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    audit = Audit(path, max_bytes=1_000)
    for number in range(20):
        audit.prompt_refused(f"j{number}", PROMPT, FINDING)
    assert [line["job_id"] for line in audit.lines()] == [f"j{number}" for number in range(20)]
    assert len(list(tmp_path.glob("audit.*.jsonl"))) >= 3
    assert all(each.stat().st_mode & 0o777 == 0o600 for each in tmp_path.glob("*.jsonl"))
    with path.open("a") as file:
        file.write('{"cut sho')
    assert len(list(audit.lines())) == 20
    for number in range(200):
        audit.prompt_refused(f"k{number}", PROMPT, FINDING)
    assert len(list(tmp_path.glob("*.jsonl"))) == KEPT + 1


def test_a_prompt_that_is_no_valid_unicode_can_be_recorded() -> None:
    assert len(audit_line("j1", FINDING, "\ud800")["prompt_sha256"]) == 64
