"""Media references are found wherever they stand in a request, and nothing else is taken for one."""

import pytest

from ltx_mcp.types.references import map_references
from ltx_mcp.types.requests import AnimateRequest, FinalizeOptions, FinalizeRequest, GenerateRequest, ImportRequest
from ltx_mcp.types.searches import SearchRequest
from ltx_mcp.types.timeline import EditRequest
from ltx_mcp.types.value import Value

ANIMATED = AnimateRequest.model_validate(
    {"prompt": "p", "image": "a", "end_image": "b", "keyframes": [{"image": "c", "at_s": 1}], "loras": [{"name": "l"}]}
)
FILM = EditRequest.model_validate(
    {
        "shots": [{"source": "a", "title": "t"}, {"source": "b"}],
        "subtitles": {"file": "c"},
        "narration": [{"audio": "d", "at_s": 0}, {"text": "t", "at_s": 9}],
        "music": {"source": "e"},
        "base": "clip",
    }
)


@pytest.mark.parametrize(
    ("value", "references"),
    [
        (GenerateRequest(prompt="p"), ""),
        (GenerateRequest(prompt="p", extend="a", then=("p",)), "a"),
        (GenerateRequest(prompt="p", retake="a"), "a"),
        (ANIMATED, "abc"),
        (ImportRequest(video="a", title="t"), "a"),
        (FinalizeRequest(clip="clip", final=ANIMATED), "abc"),
        (FinalizeOptions(clip="clip"), ""),
        (SearchRequest(query="q", image="a", clip="clip"), "a"),
        (FILM, "abcde"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_references_are_found_and_changed_wherever_they_stand(value: Value, references: str) -> None:
    found: list[str] = []

    def collect(reference: str) -> str:
        found.append(reference)
        return reference.upper()

    changed = map_references(value, collect)
    assert "".join(sorted(found)) == references
    assert changed.model_fields_set == value.model_fields_set
    assert map_references(changed, str.lower) == value
