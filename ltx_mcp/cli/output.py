"""What commands write: results to standard output, a table for people and one JSON value for scripts."""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ltx_mcp.types.texts import harmless


class _Harmless(Console):
    """Texts of the archive are data: no control, escape or bidi character of theirs reaches the terminal."""

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(harmless(each) if isinstance(each, str) else each for each in objects), **options)


out = _Harmless(highlight=False, soft_wrap=True)
err = _Harmless(stderr=True, highlight=False)


def print_value(arguments: argparse.Namespace, value: Any, show: Callable[[], None]) -> int:
    """The value as JSON if --json was given, else what `show` writes. Gives the exit code of a success."""
    if arguments.json:
        sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")
    else:
        show()
    return 0


def show_rows(rows: list[dict[str, Any]], note: str) -> None:
    """A table on a terminal; elsewhere, for grep and cut, one row a line with nothing wrapped."""
    if not out.is_terminal:
        lines = ["\t".join(_cell(value) for value in row.values()) for row in rows]
        sys.stdout.write("\n".join([*lines, *([note] if note else [])]) + "\n")
        return
    if rows:
        table = Table(box=None, pad_edge=False)
        for name in rows[0]:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*(escape(_cell(value)) for value in row.values()))
        out.print(table, markup=False)
    if note:
        out.print(note, markup=False)


def _cell(value: Any) -> str:
    """One line: a tab or a line break would start another cell or row."""
    return " ".join(harmless(str(value)).split())
