"""Every command in one list: what it does, the request that declares its options, and the function that runs it.

Loads nothing heavy: `serve` must answer at once. So a function is named, as `module:function` of this package, and
imported when its command runs.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from ltx_mcp.cli.audit_options import AuditOptions
from ltx_mcp.cli.clip_options import DeleteOptions, ListOptions, OpenOptions, TrashOptions, VerifyOptions
from ltx_mcp.cli.install_options import InstallOptions
from ltx_mcp.cli.licence_options import LicenceOptions
from ltx_mcp.cli.policy_options import PolicyOptions
from ltx_mcp.cli.review_options import ReviewOptions
from ltx_mcp.cli.serve_options import ServeOptions
from ltx_mcp.cli.setup_options import ReindexOptions, SetupOptions
from ltx_mcp.types.clip_requests import UpdateRequest, ViewRequest
from ltx_mcp.types.exports import ExportRequest
from ltx_mcp.types.requests import AnimateRequest, FinalizeOptions, GenerateRequest, ImportRequest, RestyleRequest
from ltx_mcp.types.searches import SearchRequest
from ltx_mcp.types.timeline import EditRequest
from ltx_mcp.types.value import Value

if TYPE_CHECKING:
    import argparse

    from ltx_mcp.settings import Settings


FILM_EXAMPLE = """\
{"title": "By the sea",
 "shots": [{"source": "harbour.mp4", "start_s": 12, "duration_s": 4, "title": "By the sea"},
           {"source": "boat.jpg", "motion": "push_in", "transition": "dissolve"}],
 "narration": [{"text": "The boats leave before dawn.", "shot": 2}],
 "subtitles": {"from_narration": true},
 "music": {"source": "slow.mp3"}}"""
CHANGE_EXAMPLE = '{"base": "CLIP_ID", "changes": [{"shot": 2, "duration_s": 3}], "music": "none"}'


@dataclass(frozen=True)
class Command:
    """`takes_file` is the help of a file that comes first; `opens` says what the command opens unless --print is given;
    `json` whether there is --json. `more` is said below the options.
    """

    text: str
    run: str
    request: type[Value] | None = None
    takes_file: str = ""
    opens: str = ""
    json: bool = True
    more: str = ""

    def function(self) -> "Callable[[Settings, argparse.Namespace], Awaitable[int]]":
        """What runs it, and gives its exit code."""
        module, _, name = self.run.partition(":")
        function: Callable[[Settings, argparse.Namespace], Awaitable[int]]
        function = getattr(import_module(f"ltx_mcp.cli.{module}"), name)
        return function


COMMANDS = {
    "serve": Command(
        "serve MCP on stdio (what an MCP host starts), or over HTTP", "serve:serve", ServeOptions, json=False
    ),
    "studio": Command(
        "open the page of the archive in the browser: watch, search, name, export and delete clips, follow jobs",
        "studio:studio",
        opens="the page",
        json=False,
    ),
    "install": Command(
        "tell an MCP host of this server: its own file is shown as it will be, changed, and kept as it was",
        "install:install",
        InstallOptions,
    ),
    "demo": Command(
        "make a short film through the MCP server, then find its second shot in other words", "commands:run_demo"
    ),
    "generate": Command("make a clip from a description", "commands:make", GenerateRequest),
    "animate": Command("bring a still image to motion", "commands:make", AnimateRequest),
    "restyle": Command("give a video a new style", "commands:make", RestyleRequest),
    "finalize": Command("finish a draft: the same clip at twice its size", "commands:finalize", FinalizeOptions),
    "edit": Command(
        "join shots into a film, from a .json of edit_video's arguments or an .otio timeline",
        "commands:edit",
        EditRequest,
        takes_file="a .json or .otio file; paths in it start at its folder",
        more=f"A film:\n\n{FILM_EXAMPLE}\n\nA change of an earlier one:\n\n{CHANGE_EXAMPLE}\n\n"
        "A field that does not exist is answered with those that do.",
    ),
    "import": Command(
        "take videos, photos and whole folders into the archive: moderated, searchable; run it again to go on",
        "imports:import_files",
        ImportRequest,
    ),
    "search": Command("find moments by what is seen or heard", "commands:search", SearchRequest),
    "jobs": Command("list the recent jobs", "commands:jobs"),
    "models": Command(
        "list the model families: which fit this machine, which are here, their licences", "commands:models"
    ),
    "setup": Command(
        "fetch what this machine will want: models that search, transcribe and moderate; on consent the video model",
        "setup:setup",
        SetupOptions,
    ),
    "doctor": Command("say what this machine will use and why, and what is missing", "commands:doctor"),
    "policy": Command(
        "ask the rules for words about a text, or test them on a file of texts", "policy:policy", PolicyOptions
    ),
    "audit": Command(
        "list what moderation refused or held, by rule or score, without the words", "audit:audit", AuditOptions
    ),
    "review": Command(
        "list what moderation was not sure of, and release it or delete it: you decide, no tool can",
        "review:review",
        ReviewOptions,
    ),
    "licence": Command(
        "show the licence of the video model's weights, and record or revoke that you accept it",
        "licence:licence",
        LicenceOptions,
    ),
    "reindex": Command("make the search index match the clips on disk", "commands:reindex", ReindexOptions),
    "clips": Command("list the clips of the archive, newest first", "clips:list_clips", ListOptions),
    "view": Command(
        "look at frames of clips, in the system's image viewer", "clips:view", ViewRequest, opens="the image"
    ),
    "open": Command("play a clip in the system's player", "clips:open_clip", OpenOptions, opens="the clip"),
    "export": Command(
        "write a clip as a file for other programs, never over one that is there", "clips:export", ExportRequest
    ),
    "verify": Command(
        "say where a file comes from: its signed manifest, and whether this archive made it or a copy of it",
        "clips:verify",
        VerifyOptions,
    ),
    "update": Command("change a clip's title, pin or tags", "clips:update", UpdateRequest),
    "delete": Command("move clips to the trash, where they can be restored for 30 days", "clips:delete", DeleteOptions),
    "trash": Command("list the deleted clips, restore one, or delete them for good", "clips:trash", TrashOptions),
}
