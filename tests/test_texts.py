"""No text of a request can pass moderation unread: every string of every request type is in `texts_of`, or known not to
be a text. A refused request keeps none of them."""

from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from ltx_mcp.engine.lora.card import LoraCard, Trigger
from ltx_mcp.errors import Refused
from ltx_mcp.jobs.store import JobStore
from ltx_mcp.moderation.audit import Audit
from ltx_mcp.moderation.frames import FrameGate
from ltx_mcp.moderation.policy import load_policy
from ltx_mcp.moderation.prompts import PromptGate
from ltx_mcp.moderation.stand_in import MagentaClassifier
from ltx_mcp.studio.gates import Gates
from ltx_mcp.types import states
from ltx_mcp.types.exports import ExportRequest
from ltx_mcp.types.request_texts import texts_of
from ltx_mcp.types.requests import (
    AnimateRequest,
    FinalizeRequest,
    GenerateRequest,
    ImportRequest,
    Request,
    RestyleRequest,
)
from ltx_mcp.types.timeline import EditRequest, FilmTitle, Narration, Shot, Subtitles

# Strings that nobody sees or hears: names of clips, files and LoRAs. Choices are Literals, and so are not listed.
NOT_TEXTS = {
    "extend",
    "retake",
    "image",
    "end_image",
    "video",
    "clip",
    "loras.name",
    "loras.revision",
    "keyframes.image",
    "shots.source",
    "changes.source",
    "subtitles.file",  # its cues are moderated once it is read (preparation/edit.py)
    "narration.audio",
    "narration.voice",
    "narration.language",
    "music.source",
    "base",
    "folder",
}

SHOT: dict[str, Any] = {"prompt": "one", "negative_prompt": "two"}
FILLED: list[Request] = [
    GenerateRequest(**SHOT, then=("three", "four")),
    AnimateRequest(**SHOT, image="a-3f9k2m7q"),
    RestyleRequest(prompt="one", video="a-3f9k2m7q"),
    ImportRequest(title="one", video="/a.mp4"),
    EditRequest(
        title="one",
        shots=(Shot(source="a-3f9k2m7q", title="two"),),
        titles=(FilmTitle(text="three", at_s=0),),
        narration=(Narration(text="four"),),
        subtitles=Subtitles(text="five"),
    ),
    ExportRequest(clip="a-3f9k2m7q", folder="/films", name="one"),
    FinalizeRequest(clip="a-3f9k2m7q", final=GenerateRequest(**SHOT, then=("three", "four"))),
    FinalizeRequest(clip="a-3f9k2m7q", final=AnimateRequest(**SHOT, image="a-3f9k2m7q")),
]
HOSTILE = "hardcore porn"


def request_types() -> tuple[type[BaseModel], ...]:
    types: tuple[type[BaseModel], ...] = get_args(get_args(Request)[0])
    return types


def name(request: Request) -> str:
    return f"{request.tool} of {request.final.tool}" if isinstance(request, FinalizeRequest) else request.tool


def filled(annotation: Any, path: str) -> Iterator[Any]:
    """Values of this type, one for each string in it, which is the path of its own field in angle brackets."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is str:
        yield f"<{path}>"
    elif origin is Annotated:
        yield from filled(arguments[0], path)
    elif origin in (Union, UnionType):
        for argument in arguments:
            yield from filled(argument, path)
    elif origin in (tuple, list):
        yield from ((value,) for value in filled(arguments[0], path))
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from models(annotation, path)
    else:
        assert origin is Literal or annotation in (int, float, bool, type(None)), f"{path}: {annotation} is a new kind"


def models(kind: type[BaseModel], path: str = "") -> Iterator[BaseModel]:
    """The same of a model. They are not validated, so that a path is a valid value everywhere."""
    required = {field: info.annotation for field, info in kind.model_fields.items() if info.is_required()}
    others = {field: next(filled(annotation, "other"), None) for field, annotation in required.items()}
    for field, info in kind.model_fields.items():
        for value in filled(info.annotation, f"{path}.{field}".removeprefix(".")):
            yield kind.model_construct(**{**others, field: value})


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, BaseModel):
        value = [getattr(value, field) for field in type(value).model_fields]
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from strings(each)


@pytest.mark.parametrize("kind", request_types(), ids=lambda kind: kind.__name__)
def test_every_string_of_every_request_is_a_text_or_known_not_to_be_one(kind: type[BaseModel]) -> None:
    unread = []
    for request in models(kind):
        paths = {text for text in strings(request) if text.startswith("<") and not text.startswith("<other")}
        read = {text for _, text in texts_of(request)}  # type: ignore[arg-type]  # one of the request types
        unread += [path for path in paths - read if path.strip("<>").removeprefix("final.") not in NOT_TEXTS]
    assert unread == [], "moderate it in texts_of, or list it here as a string that nobody sees or hears"


@pytest.mark.parametrize("kind", request_types(), ids=lambda kind: kind.__name__)
def test_a_text_is_found_in_every_request(kind: type[BaseModel]) -> None:
    """So that the test above cannot pass by finding no strings at all."""
    assert [part for request in FILLED if type(request) is kind for part, _ in texts_of(request)]


def test_each_text_comes_with_the_name_of_its_part() -> None:
    assert texts_of(FILLED[0]) == (
        ("prompt", "one"),
        ("then 1", "three"),
        ("then 2", "four"),
        ("negative_prompt", "two"),
    )


@pytest.mark.parametrize("request_", FILLED, ids=name)
def test_a_refused_request_keeps_none_of_its_texts(tmp_path: Path, request_: Request) -> None:
    jobs = JobStore(tmp_path / "jobs.sqlite", "me", lambda other: True)
    job_id = jobs.create(request_).job_id
    jobs.set_state(job_id, states.Refused("refused", "No."))
    jobs.close()
    kept = JobStore(tmp_path / "jobs.sqlite", "me", lambda other: True).get(job_id).request
    assert not {text for _, text in texts_of(request_)} & {text for _, text in texts_of(kept)}
    assert type(kept) is type(request_)


@pytest.fixture
def gates(tmp_path: Path) -> Gates:
    return Gates(PromptGate(load_policy(None)), FrameGate(MagentaClassifier()), Audit(tmp_path / "audit.jsonl"))


@pytest.mark.parametrize("request_", FILLED, ids=name)
def test_the_gate_reads_every_text_and_names_the_part_that_it_refuses(
    gates: Gates, tmp_path: Path, request_: Request
) -> None:
    gates.check_texts("job-1", texts_of(request_), ())
    parts = [part for part, _ in texts_of(request_)]
    for refused in parts:
        texts = [(part, HOSTILE if part == refused else text) for part, text in texts_of(request_)]
        with pytest.raises(Refused, match=rf"the request's {refused} \("):
            gates.check_texts("job-1", texts, ())
    lines = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert len(lines) == len(parts)
    assert HOSTILE not in "".join(lines)


def test_what_a_lora_adds_to_a_prompt_is_read_with_it_and_a_negative_prompt_is_read_alone(gates: Gates) -> None:
    lora = LoraCard(name="x", path=None, bytes=0, triggers=(Trigger(word="naked"),))
    prompt = [("prompt", "a child on a beach")]
    gates.check_texts("job-1", prompt, ())
    with pytest.raises(Refused, match="prompt"):
        gates.check_texts("job-1", prompt, [lora])
    gates.check_texts("job-1", [("negative_prompt", "a child on a beach")], [lora])
