"""What a search says when its answer is thin: plainly, and with what to do next."""

from collections.abc import Mapping

EMPTY = "The archive is empty. Make a clip with generate_video; it can be searched as soon as it is done."
REBUILT = "The search index was damaged and starts empty. No clip is lost: run `ltx-mcp reindex` to fill it again."
HEALED = "Files of the search index were missing or broken. It is made again from the clips, of which none is lost."
NEWER = "A newer ltx-mcp has made its own search index here; this one keeps another beside it."
FILTERED = "No clip passes the filters. Leave one out, or call search_clips without arguments to see the newest clips."
WORDLESS = (
    "The query has no letters, so nothing was searched for. Say in words what is seen or heard, or pass an image."
)
FEW_WORDS = "No clip matches most of the words; these share only a few of them."
_NONE = (
    "Nothing in the archive matches well. Try the words that a prompt would use, or call search_clips without a query "
    "to see the newest clips; or make a new one with generate_video."
)
SMALL_WORLD = (
    "The search model in use recognizes only a few things (see `ltx-mcp doctor`); "
    "everything else is found by the words of its prompt and title."
)


def nothing_there(total_clips: int, was_damaged: bool) -> str:
    return FILTERED if total_clips else REBUILT if was_damaged else EMPTY


def nothing_matches(query_was_understood: bool) -> str:
    return _NONE if query_was_understood else joined(_NONE, SMALL_WORLD)


def respelled(meant: Mapping[str, str]) -> str:
    """`meant` maps what was typed to what was searched for."""
    return " ".join(f'No clip has the word "{typed}": searched for "{near}".' for typed, near in meant.items())


def unseen(clips: int) -> str:
    """While frames are embedded in the background."""
    few, their = ("1 clip was", "its") if clips == 1 else (f"{clips} clips were", "their")
    return f"{few} searched by {their} words only: {their} frames are still being embedded (`ltx-mcp reindex` waits)."


def switching(weights: str) -> str:
    """While another embedder sees the clips."""
    return (
        f"The search model {weights} looks as soon as it has seen every clip: in the background while a server runs, "
        "or at once by `ltx-mcp reindex`."
    )


def joined(*said: str) -> str:
    return " ".join(note for note in said if note)
