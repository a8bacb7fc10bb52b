"""The options of the commands for finished clips. Loads nothing heavy: `serve` must answer at once."""

import argparse
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import get_args

from ltx_mcp.types.clips import Kind

_AGE = re.compile(r"([0-9]{1,5})([dh])")


def add_clip_commands(command: Callable[[str, str], argparse.ArgumentParser]) -> None:
    clips = command("clips", "list the clips of the archive, newest first")
    clips.add_argument("--kind", choices=get_args(Kind))
    clips.add_argument("--since", type=_since, metavar="DATE", help="2026-11-20, or an age such as 7d or 12h")
    clips.add_argument("--tag", action="append", dest="tags", help="only clips with this tag; may be repeated")
    view = command("view", "look at frames of clips, in the system's image viewer")
    view.add_argument("clips", nargs="+", metavar="CLIP", help="clip_id, its span or its frame")
    view.add_argument("--frames", type=int, choices=range(1, 17), default=9, metavar="1-16")
    view.add_argument("--at", action="append", dest="at_s", type=float, metavar="SECONDS", help="may be repeated")
    view.add_argument("--size", choices=("small", "medium", "large"), default="medium")
    view.add_argument("--print", action="store_true", help="only say where the image is")
    play = command("open", "play a clip in the system's player")
    play.add_argument("clip", help="a clip_id")
    play.add_argument("--print", action="store_true", help="only say where the clip is")
    update = command("update", "change a clip's title, pin or tags")
    update.add_argument("clip", help="a clip_id")
    update.add_argument("--title")
    update.add_argument("--tag", action="append", dest="tags", help="may be repeated; replaces the tags that it had")
    update.add_argument("--no-tags", action="store_const", const=[], dest="tags")
    update.add_argument("--pin", action="store_true", dest="pinned", default=None, help="it cannot be deleted")
    update.add_argument("--unpin", action="store_false", dest="pinned")
    delete = command("delete", "move clips to the trash, where they can be restored for 30 days")
    delete.add_argument("clips", nargs="+", metavar="CLIP", help="a clip_id")
    trash = command("trash", "list the deleted clips, or restore one")
    what = trash.add_mutually_exclusive_group()
    what.add_argument("--restore", metavar="CLIP", help="put a clip back")
    what.add_argument("--empty", action="store_true", help="delete all of them for good")


def _since(text: str) -> datetime:
    if found := _AGE.fullmatch(text):
        count = int(found[1])
        return datetime.now(UTC) - (timedelta(days=count) if found[2] == "d" else timedelta(hours=count))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-11-20, or an age such as 7d") from None
    return moment if moment.tzinfo else moment.astimezone()
