"""What every client here does: list the tools, make a draft of one second, search for it, and say what its model would
get. It runs in the client's own environment, so it knows nothing of ltx_mcp or of any SDK.

    CLIENT.py TARGET...    each a URL, or the JSON of a command on stdio: {"command", "args", "env"}

For each a line of JSON on standard output: `tools`, the names; `made` and `found`, all text that the model gets of the
draft and the search; `images`, how many it gets of the draft.
"""

import asyncio
import json
import secrets
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

LIMIT_S = 60.0
WORD = f"circle{secrets.token_hex(4)}"  # that no other clip has
MAKE = {"prompt": f"a red circle {WORD}", "duration_s": 1, "quality": "draft"}
SEARCH = {"query": WORD}

Said = tuple[list[str], list[Any], list[Any]]


def run(talk: Callable[[Any], Awaitable[Said]]) -> None:
    """`talk` gets the target and gives the names of the tools, and the blocks of a draft and of a search."""
    for target in sys.argv[1:]:
        reached = target if target.startswith("http") else json.loads(target)
        tools, made, found = asyncio.run(asyncio.wait_for(talk(reached), LIMIT_S))
        told = {"tools": tools, "made": text_of(made), "found": text_of(found), "images": sum(map(is_image, made))}
        sys.stdout.write(json.dumps(told) + "\n")


def text_of(blocks: Iterable[Any]) -> str:
    return "\n".join(str(field(block, "text") or "") for block in blocks)


def is_image(block: Any) -> bool:
    return "image" in str(field(block, "type"))


def field(block: Any, name: str) -> Any:
    """Of a dictionary, an object or plain text: clients give any of them to their model."""
    if isinstance(block, str):
        return block if name == "text" else None
    return block.get(name) if isinstance(block, dict) else getattr(block, name, None)
