"""`ltx-mcp policy`: what the rules for words say to a text, and how they do on a file of texts. Makes nothing."""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ltx_mcp.cli.options import read_options
from ltx_mcp.cli.output import out, print_value, show_rows
from ltx_mcp.cli.policy_options import VERDICTS, PolicyOptions
from ltx_mcp.errors import BadInput, Refused
from ltx_mcp.moderation.prompts import Finding, PromptGate
from ltx_mcp.parts import make_policy
from ltx_mcp.settings import Settings


async def policy(settings: Settings, arguments: argparse.Namespace) -> int:
    """Exit code 3 for a text that is refused, 1 for a file in which a text fares otherwise than it says."""
    options = read_options(PolicyOptions, arguments)
    gate = PromptGate(make_policy(settings))
    if options.what == "test":
        return _test(gate, Path(options.text), arguments)
    finding = gate.check(options.text)
    if finding is not None and not arguments.json:
        kind = "a hard rule" if finding.hard else "this rule"
        hint = "No setting can change it." if finding.hard else "A policy file (LTX_MCP_POLICY) may disable it."
        raise Refused(f"{finding.action}: {finding.category}, by {kind}: {finding.rule_id}.", hint)
    value = {"verdict": _verdict(finding), **(asdict(finding) if finding else {})}
    print_value(arguments, value, lambda: out.print("allow: no rule refuses it.", markup=False))
    return 3 if finding else 0


def _test(gate: PromptGate, path: Path, arguments: argparse.Namespace) -> int:
    rows, totals = [], {verdict: [0, 0] for verdict in VERDICTS}
    for expected, text in _expectations(path):
        finding = gate.check(text)
        said = _verdict(finding)
        totals[expected][0] += 1
        if said != expected and not (expected != "allow" and said == "hard"):
            totals[expected][1] += 1
            rows.append({"expected": expected, "said": said, "rule": finding.rule_id if finding else "", "text": text})
    counts = {verdict: {"texts": texts, "otherwise": wrong} for verdict, (texts, wrong) in totals.items() if texts}
    note = "; ".join(f"{each['otherwise']} of {each['texts']} {verdict}" for verdict, each in counts.items())
    value: dict[str, Any] = {"totals": counts, "otherwise": rows}
    print_value(arguments, value, lambda: show_rows(rows, f"Otherwise than expected: {note}."))
    return 1 if rows else 0


def _verdict(finding: Finding | None) -> str:
    if finding is None:
        return "allow"
    return "hard" if finding.hard else finding.action


def _expectations(path: Path) -> Iterator[tuple[str, str]]:
    """(verdict, text) of each line. Raises BadInput."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}.", "Name a text file in UTF-8.") from None
    for number, line in enumerate(lines, 1):
        verdict, tab, text = line.partition("\t")
        if not line.strip() or line.startswith("#"):
            continue
        if not tab or verdict not in VERDICTS:
            raise BadInput(f"{path}, line {number}: it does not begin with one of {', '.join(VERDICTS)} and a tab.")
        yield verdict, text
