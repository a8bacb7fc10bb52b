"""The `ltx-mcp` command: the same studio for people and scripts.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by moderation, 130 interrupted. Results go to standard
output (one JSON value with --json), progress and errors to standard error.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, get_args

import anyio

from ltx_mcp import __version__
from ltx_mcp.cli.clip_options import add_clip_commands
from ltx_mcp.errors import Refused, SettingsError, StudioError
from ltx_mcp.settings import Settings
from ltx_mcp.types.clips import Kind
from ltx_mcp.types.requests import Camera, Codec, Control, Quality, RestyleMode
from ltx_mcp.types.sizes import ASPECTS, RESOLUTIONS
from ltx_mcp.types.timeline import FilmQuality

if TYPE_CHECKING:
    from ltx_mcp.studio.studio import Studio

OK, FAILED, USAGE, REFUSED, INTERRUPTED = 0, 1, 2, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        settings = Settings.load(os.environ)
        _log_to_stderr(settings.log_level)
        return _run(settings, arguments)
    except SettingsError as error:
        return _failed(f"The settings cannot be used:\n{error}", USAGE)
    except Refused as error:
        return _failed(str(error), REFUSED)
    except StudioError as error:
        return _failed(str(error), FAILED)
    except KeyboardInterrupt:
        return _failed("Interrupted; nothing unfinished was kept.", INTERRUPTED)


def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    try:
        if arguments.command == "serve":
            return anyio.run(_serve, settings)
        from ltx_mcp.cli import commands  # not before: `serve` must answer tools/list at once

        return anyio.run(commands.COMMANDS[arguments.command], settings, arguments)
    except BaseExceptionGroup as group:  # task groups wrap even a single error
        raise _innermost(group) from None


async def _serve(settings: Settings) -> int:
    from ltx_mcp.server.server import make_server
    from ltx_mcp.studio.lazy_studio import LazyStudio

    def studio() -> "AbstractAsyncContextManager[Studio]":
        from ltx_mcp.compose import open_studio

        return open_studio(settings)

    await make_server(LazyStudio(studio, settings.max_wait_s)).run_stdio_async()
    return OK


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _failed(text: str, code: int) -> int:
    sys.stderr.write(f"{text}\n")
    return code


def _log_to_stderr(level: str) -> None:
    """Our own lines at the chosen level; of the libraries only what is wrong."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("ltx_mcp").setLevel(level)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ltx-mcp", description="A film studio and archive for LLM agents.")
    parser.add_argument("--version", action="version", version=f"ltx-mcp {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        if name != "serve":
            sub.add_argument("--json", action="store_true", help="one JSON value on standard output")
        return sub

    command("serve", "serve MCP on stdio (what an MCP host starts)")
    command("demo", "make clips through the MCP server, then find a moment in other words")
    generate = command("generate", "make a clip from a description")
    generate.add_argument("prompt")
    _add_shot_options(generate)
    generate.add_argument("--extend", metavar="VIDEO", help="continue a clip_id, its span or a video file in a root")
    generate.add_argument("--retake", metavar="SPAN", help="make a span anew, clip_id@2.0-3.5; the rest stays")
    generate.add_argument(
        "--then", action="append", metavar="PROMPT", help="a shot that continues the one before; may be repeated"
    )
    animate = command("animate", "bring a still to motion")
    animate.add_argument("image", help="clip_id@seconds, or an image file in a root")
    animate.add_argument("prompt", help="what moves and how, the camera, the sound")
    animate.add_argument("--end-image", dest="end_image", help="the picture that the last frame shows")
    animate.add_argument(
        "--keyframe", action="append", dest="keyframes", metavar="SECONDS=IMAGE", type=_keyframe, help="may be repeated"
    )
    animate.add_argument("--strength", type=float)
    _add_shot_options(animate)
    restyle = command("restyle", "give a video a new style")
    restyle.add_argument("video", help="a clip_id, a span clip_id@2.0-5.5, or a video file in a root")
    restyle.add_argument("prompt", help="the whole scene in the new style")
    restyle.add_argument("--mode", choices=get_args(RestyleMode))
    restyle.add_argument("--control", choices=get_args(Control), help="what --mode structure keeps of the video")
    restyle.add_argument("--strength", type=float)
    restyle.add_argument("--new-audio", action="store_false", dest="keep_audio", default=None)
    _add_model_options(restyle)
    finalize = command("finalize", "finish a draft: the same clip at twice its size")
    finalize.add_argument("clip", help="the clip_id of a draft")
    finalize.add_argument("--codec", choices=get_args(Codec))
    edit = command("edit", "join shots into a film, from a .json of edit_video's arguments or an .otio timeline")
    edit.add_argument("film", help="a .json or .otio file; paths in it start at its folder")
    edit.add_argument("--quality", choices=get_args(FilmQuality), help="draft: a fast proof in low resolution")
    edit.add_argument("--resolution", choices=RESOLUTIONS)
    edit.add_argument("--title", help="the film's name in the archive")
    edit.add_argument("--base", metavar="CLIP", help="an earlier film that the file changes")
    take_in = command("import", "take a video file into the archive: moderated, copied, searchable")
    take_in.add_argument("video", help="a video file in a root")
    take_in.add_argument("title", help="the words by which it is found")
    search = command("search", "find moments by what is seen or heard")
    search.add_argument("query", nargs="?", help="left out: the newest clips")
    search.add_argument("--image", help="find what looks like this: clip_id@seconds or an image file in a root")
    search.add_argument("--clip", help="search inside this clip only")
    search.add_argument("--kind", choices=get_args(Kind))
    search.add_argument("--limit", type=int, choices=range(1, 21), default=5, metavar="1-20")
    command("jobs", "list the recent jobs")
    add_clip_commands(command)
    command("models", "list the model families: which fit this machine, which are here, their licences")
    command("doctor", "say what this machine will use and why, and what is missing")
    command("reindex", "make the search index match the clips on disk")
    return parser


def _add_shot_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--duration", type=float, dest="duration_s", metavar="SECONDS")
    parser.add_argument("--aspect", choices=ASPECTS)
    parser.add_argument("--fps", type=float)
    parser.add_argument("--camera", choices=get_args(Camera))
    parser.add_argument("--negative-prompt", dest="negative_prompt")
    parser.add_argument("--no-audio", action="store_false", dest="audio", default=None)
    _add_model_options(parser)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--resolution", choices=RESOLUTIONS)
    parser.add_argument("--quality", choices=get_args(Quality))
    parser.add_argument("--codec", choices=get_args(Codec))
    parser.add_argument("--seed", type=int)
    parser.add_argument(
        "--lora", action="append", dest="loras", metavar="NAME[=STRENGTH]", type=_lora, help="may be repeated"
    )


def _keyframe(text: str) -> dict[str, str]:
    at_s, _, image = text.partition("=")
    try:
        return {"at_s": str(float(at_s)), "image": image}
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not SECONDS=IMAGE, such as 1.5=/pictures/dusk.png") from None


def _lora(text: str) -> dict[str, str]:
    name, given, strength = text.rpartition("=")
    return {"name": name, "strength": strength} if given else {"name": text}
