"""`ltx-mcp review`: what moderation was not sure of, for the person at the machine to look at and decide."""

import argparse

from ltx_mcp.cli.options import read_options
from ltx_mcp.cli.output import out, print_value, show_rows
from ltx_mcp.cli.review_options import ReviewOptions
from ltx_mcp.compose import open_reviewing
from ltx_mcp.errors import BadInput
from ltx_mcp.settings import Settings
from ltx_mcp.studio.reviewing import HeldThing, Reviewing
from ltx_mcp.types.clips import Clip

_ASK_AGAIN = "It is allowed once: ask again in the same words, with the same inputs."


async def review(settings: Settings, arguments: argparse.Namespace) -> int:
    options = read_options(ReviewOptions, arguments)
    async with open_reviewing(settings) as reviewing:
        if options.decision == "list":
            held = reviewing.held()
            return print_value(arguments, [each.model_dump(mode="json") for each in held], lambda: _show(held))
        if options.held is None:
            raise BadInput(f"What is to be {options.decision}d?", "Name its id; ltx-mcp review lists what is held.")
        done = _decided(reviewing, options.decision, options.held)
    value = {"id": options.held, "decision": options.decision, "path": done and str(done.path)}
    return print_value(arguments, value, lambda: out.print(_told(options, done), markup=False))


def _decided(reviewing: Reviewing, decision: str, held_id: str) -> Clip | None:
    if decision == "release":
        return reviewing.release(held_id)
    reviewing.delete(held_id)
    return None


def _told(options: ReviewOptions, released: Clip | None) -> str:
    if released is not None:
        return f"{released.clip_id} is published: {released.path}"
    return f"{options.held} is deleted." if options.decision == "delete" else _ASK_AGAIN


def _show(held: list[HeldThing]) -> None:
    rows = [
        {
            "id": each.id,
            "what": each.what,
            "since": each.at,
            "moderation": each.category,
            "look at": each.look_at or "",
            "asked": f'"{" ".join(each.about.split())[:80]}"',
        }
        for each in held
    ]
    what_next = "Look, then: ltx-mcp review release ID, or ltx-mcp review delete ID."
    show_rows(rows, what_next if rows else "Nothing is held for review.")
