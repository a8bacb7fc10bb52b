"""`ltx-mcp audit`: what moderation refused or held, and what became of it, newest first; no words and no frames."""

import argparse
from collections.abc import Iterable
from itertools import islice
from typing import Any

from anyio import to_thread

from ltx_mcp.cli.audit_options import AuditOptions
from ltx_mcp.cli.options import read_options
from ltx_mcp.cli.output import print_value, show_rows
from ltx_mcp.parts import make_audit
from ltx_mcp.settings import Settings


async def audit(settings: Settings, arguments: argparse.Namespace) -> int:
    options = read_options(AuditOptions, arguments)
    lines = await to_thread.run_sync(list, make_audit(settings).lines())
    newest = list(islice(_wanted(reversed(lines), options), options.count))
    return print_value(arguments, newest, lambda: show_rows([_row(line) for line in newest], _note(newest)))


def _wanted(lines: Iterable[dict[str, Any]], options: AuditOptions) -> Iterable[dict[str, Any]]:
    return (line for line in lines if options.gate is None or line.get("gate") == options.gate)


def _row(line: dict[str, Any]) -> dict[str, Any]:
    if line.get("gate") == "review":
        return {
            "at": line.get("at", ""),
            "job": line.get("held_id", ""),
            "gate": "review",
            "category": line.get("decision", ""),
            "why": f"by the {line.get('by', '')}",
        }
    score = line.get("max_score")
    return {
        "at": line.get("at", ""),
        "job": line.get("job_id", ""),
        "gate": line.get("gate", ""),
        "category": line.get("category", ""),
        "why": line.get("rule_id") or f"{score:.2f} of {line.get('threshold', 0):.2f}",
    }


def _note(lines: list[dict[str, Any]]) -> str:
    return "" if lines else "Nothing was refused."
