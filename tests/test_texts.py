"""No text of a request can pass moderation unread: `texts_of` knows every field that is words."""

from typing import Any, get_args

import pytest
from pydantic import BaseModel

from ltx_mcp.types.requests import (
    AnimateRequest,
    FinalizeRequest,
    GenerateRequest,
    ImportRequest,
    Request,
    RestyleRequest,
    texts_of,
)

# Strings that are not words: choices, names of files and clips.
NOT_WORDS = {
    "tool", "aspect", "resolution", "quality", "camera", "codec", "mode", "control", "extend", "retake", "image",
    "end_image", "video", "clip", "keyframes", "loras",
}  # fmt: skip

WORDED: dict[str, Request] = {
    "generate_video": GenerateRequest(prompt="one", negative_prompt="two", then=("three", "four")),
    "animate_image": AnimateRequest(prompt="one", negative_prompt="two", image="a-3f9k2m7q"),
    "restyle_video": RestyleRequest(prompt="one", video="a-3f9k2m7q"),
    "import_video": ImportRequest(title="one", video="/a.mp4"),
    "finalize_draft": FinalizeRequest(
        clip="a-3f9k2m7q", final=GenerateRequest(prompt="one", negative_prompt="two", then=("three",))
    ),
}


def request_types() -> list[type[BaseModel]]:
    return list(get_args(get_args(Request)[0]))


def holds_text(annotation: Any) -> bool:
    return annotation is str or any(holds_text(part) for part in get_args(annotation))


@pytest.mark.parametrize("kind", request_types(), ids=lambda kind: kind.__name__)
def test_every_field_of_words_is_read(kind: type[BaseModel]) -> None:
    request = WORDED[kind.model_fields["tool"].default]
    worded = {name for name, field in kind.model_fields.items() if holds_text(field.annotation)} - NOT_WORDS
    read = {part.split()[0] for part, _ in texts_of(request)}
    assert read == (worded if kind is not FinalizeRequest else {"prompt", "negative_prompt", "then"})


def test_texts_come_with_the_name_of_their_part() -> None:
    assert texts_of(WORDED["generate_video"]) == (
        ("prompt", "one"),
        ("then 1", "three"),
        ("then 2", "four"),
        ("negative_prompt", "two"),
    )
