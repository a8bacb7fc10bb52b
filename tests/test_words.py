"""One word for one thing: the last column of docs/glossary.md, and a few turns of phrase, stay out of what ships."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GLOSSARY = ROOT / "docs" / "glossary.md"

# Each cell of the glossary's last column, as a pattern of its wrong uses: most of these words have a right one too.
NOT_CALLED = {
    "worn": r"\bworn\b",
    "sound, by turns": r"\b(?:read|write|encode|decode|has|with|no|keep|new)_sound\b|\bsound: [A-Z\"]",
    "film, chain of takes": r"\bchains? of (?:takes|films)\b",
    "take": r"\b(?:one|single) take\b|\b(?:several|of|in) takes\b",
    "picture": r"\bpictures?\b",
    "negatives": r"\bnegatives\b",
    "shelf": r"\bshel(?:f|ves)\b",
    "order": r"\bOrders?\b(?! of\b)(?!\*)|\bOrders of \w+_\w+",
    "tenancy": r"\btenan(?:cy|cies|ts?)\b",
    "hear": r"\bhears?\b",
    "book": r"\bbooks?\b",
    "gaze": r"\bgazes?\b",
    "make anew": r"\banew\b",
    "shoot": r"\bshoots?\b",
    "way": r"\bway: |\bway\.\w|\bways? to restyle\b",
    "lot": r"\bby lot\b|\blots?: |\blot\.\w",
    "eye": r"\b(?:the|an|its) eyes?\b|\beye: |\beye\.\w",
}
TURNS = {
    "is no X": r"\b(?<![Tt]here )(?:is|are|was|were) no (?!(?:longer|more|less|fewer|larger|smaller)\b)\w",
}
ALLOWED = (  # where the word is meant as everybody means it
    "mass shoot",
    "school shoot",
    "naked eye",
    "Eye contact",
    "clean to the eye",
    "a picture of {}",  # what people say and ask for
    "a blue picture",
    "Two clips and a picture",
    '"a picture", "a video frame"',
    '"picture", "video", "frame"',
    "a picture of {things}",  # a caption
    '"the picture", "the scene"',
    "the column tenant",  # of a database that is migrated
    "RENAME COLUMN tenant",
)


def shipped() -> Iterator[Path]:
    """Code, its data in words, and the documents, but the glossary, which names what it forbids."""
    for folder in (ROOT / "ltx_mcp", ROOT / "tools", ROOT / "index", ROOT / "docs"):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".md", ".toml") and path != GLOSSARY:
                yield path
    yield from (ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md"))


def not_called() -> set[str]:
    """The last column of the glossary's table."""
    rows = [line.split("|") for line in GLOSSARY.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return {cells[3].strip() for cells in rows[2:]} - {""}


def test_every_word_that_the_glossary_forbids_has_a_pattern() -> None:
    assert not_called() == set(NOT_CALLED)


@pytest.mark.parametrize("word", [*NOT_CALLED, *TURNS])
def test_nothing_that_ships_says_it(word: str) -> None:
    pattern = re.compile({**NOT_CALLED, **TURNS}[word])
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in shipped()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line) and not any(phrase in line for phrase in ALLOWED)
    ]
    assert not found, "\n".join(found)
