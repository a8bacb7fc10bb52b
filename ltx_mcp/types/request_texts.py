"""The words of a request: all of them for moderation, and those by which its clip is found."""

from typing import assert_never

from ltx_mcp.types.exports import ExportRequest
from ltx_mcp.types.requests import (
    AnimateRequest,
    FinalizeRequest,
    GenerateRequest,
    ImportRequest,
    Request,
    RestyleRequest,
    ShotRequest,
)
from ltx_mcp.types.timeline import EditRequest


def texts_of(request: Request) -> tuple[tuple[str, str], ...]:
    """(part, text) of everything in a request that is words: all of it is moderated before anything else happens."""
    match request:
        case GenerateRequest():
            further = ((f"then {number}", text) for number, text in enumerate(request.then, 1))
            return (("prompt", request.prompt), *further, *_negative(request))
        case AnimateRequest():
            return (("prompt", request.prompt), *_negative(request))
        case RestyleRequest():
            return (("prompt", request.prompt),)
        case ImportRequest():
            return (("title", request.prompt),)
        case FinalizeRequest():
            return texts_of(request.final)
        case EditRequest():
            return request.named_texts
        case ExportRequest():
            return (("name", request.name),) if request.name else ()
        case _:
            assert_never(request)


def _negative(request: ShotRequest) -> tuple[tuple[str, str], ...]:
    return (("negative_prompt", request.negative_prompt),) if request.negative_prompt else ()


def prompts_of(request: Request) -> tuple[str, ...]:
    """The texts of a request by which search finds its clip."""
    match request:
        case GenerateRequest():
            return request.prompt, *request.then
        case EditRequest():
            further = (text for part, text in request.named_texts if part != "text of the subtitles")
            return tuple(dict.fromkeys((request.prompt, *further)))
        case _:
            return (request.prompt,)
