"""What is said in footage that is imported, as far as subtitles tell: a file beside it, or a track in it."""

from pathlib import Path

from ltx_mcp.errors import StudioError
from ltx_mcp.media.footage import Footage
from ltx_mcp.media.text_tracks import read_text_track, text_track
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.types.film import TimedText
from ltx_mcp.types.timeline import MAX_SUBTITLE_CHARS
from ltx_mcp.typeset.subtitles import decode_subtitles, parse_subtitles

SUFFIXES = (".srt", ".vtt")


def read_speech_of(footage: Footage, inputs: Inputs) -> tuple[tuple[TimedText, ...], str]:
    """Its lines, and a note on where they come from, or on why they could not be read."""
    try:
        if (file := _beside(footage.path)) is not None:
            text = decode_subtitles(inputs.text(str(file), 4 * MAX_SUBTITLE_CHARS))
            return parse_subtitles(text, file.name), f"What is said was read from {file.name}."
        if (track := text_track(footage.source)) is None:
            return (), ""
        lines = parse_subtitles(read_text_track(footage.source, track), footage.path.name)
        return _shifted(lines, -footage.source.zero_s), "What is said was read from its subtitles."
    except StudioError as error:
        return (), f"Its subtitles could not be read: {error.message}"


def _beside(video: Path) -> Path | None:
    """`film.srt` or `film.en.vtt` beside `film.mp4`."""
    exact = [video.with_suffix(suffix) for suffix in SUFFIXES]
    named = (path for path in video.parent.iterdir() if path.name.startswith(f"{video.stem}."))
    others = sorted(path for path in named if path.suffix.lower() in SUFFIXES)
    return next((path for path in (*exact, *others) if path.is_file()), None)


def _shifted(lines: tuple[TimedText, ...], by_s: float) -> tuple[TimedText, ...]:
    moved = (
        line.model_copy(update={"start_s": max(0.0, line.start_s + by_s), "end_s": line.end_s + by_s}) for line in lines
    )
    return tuple(line for line in moved if line.end_s > 0)
