"""Everything that is written over a film: its titles, its shots' titles, its subtitles."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ltx_mcp.edit.film import Film
from ltx_mcp.edit.segments import TextFilter
from ltx_mcp.errors import BadInput
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.types.film import TimedText
from ltx_mcp.types.timeline import MAX_SUBTITLE_CHARS, EditRequest, FilmTitle, Subtitles
from ltx_mcp.typeset.fonts import check_fonts, font_folder
from ltx_mcp.typeset.script import subtitles_filter
from ltx_mcp.typeset.subtitles import decode_subtitles, parse_subtitles
from ltx_mcp.typeset.titles import write_titles


def with_subtitle_text(request: EditRequest, inputs: Inputs) -> EditRequest:
    """The request with the text of its subtitle file in place of the file. Raises BadInput."""
    subtitles = request.subtitles
    if not isinstance(subtitles, Subtitles) or subtitles.file is None:
        return request
    raw = inputs.text(subtitles.file, max_bytes=4 * MAX_SUBTITLE_CHARS)  # bytes of a character in UTF-8, at most
    text = decode_subtitles(raw)
    parse_subtitles(text, Path(subtitles.file).name)  # so that its errors name the file
    return request.model_copy(update={"subtitles": Subtitles(text=text, burn_in=subtitles.burn_in)})


def film_titles(titles: Sequence[FilmTitle], duration_s: float) -> tuple[TimedText, ...]:
    """No longer than the film. Raises BadInput, which names the title, for one that begins after its end."""
    for number, title in enumerate(titles, 1):
        if title.at_s >= duration_s:
            raise BadInput(
                f"Title {number} begins at {title.at_s:g} s, and the film ends at {duration_s:.3f} s.",
                "Give it an earlier at_s.",
            )
    return tuple(
        TimedText(
            text=title.text,
            start_s=title.at_s,
            end_s=min(title.at_s + title.duration_s, duration_s),
            style=title.style,
            position=title.position,
        )
        for title in titles
    )


def subtitle_cues(request: EditRequest, duration_s: float) -> tuple[TimedText, ...]:
    """Those of the request's own text that begin before the film ends. Raises BadInput with the line at fault."""
    if not isinstance(request.subtitles, Subtitles) or request.subtitles.text is None:
        return ()
    return within(parse_subtitles(request.subtitles.text), duration_s)


def within(cues: Sequence[TimedText], duration_s: float) -> tuple[TimedText, ...]:
    """The cues that begin before the film ends, and end no later than it."""
    return tuple(
        cue.model_copy(update={"end_s": min(cue.end_s, duration_s)}) for cue in cues if cue.start_s < duration_s
    )


def check_letters(named: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Notes on symbols that no font here has. Raises BadInput for missing letters, which names the text."""
    if not named:
        return ()
    with TemporaryDirectory() as folder:
        try:
            note = check_fonts([text for _, text in named], Path(folder))
        except BadInput:
            for part, text in named:
                _check_one(part, text, Path(folder))
            raise
    return (note,) if note else ()


def _check_one(part: str, text: str, folder: Path) -> None:
    try:
        check_fonts([text], folder)
    except BadInput as error:
        raise BadInput(f"The {part}: {error.message}", error.hint) from error


def text_filter(film: Film, texts: Sequence[TimedText], work: Path) -> TextFilter:
    """Draws the texts, from a script that is written into `work`."""
    if not texts:
        return lambda start_s, end_s: None
    script = work / "texts.ass"
    write_titles(script, texts, film.width, film.height)
    drawn = subtitles_filter(script, font_folder([text.text for text in texts], work))

    def shown(start_s: float, end_s: float) -> str | None:
        return drawn if any(text.start_s < end_s and text.end_s > start_s for text in texts) else None

    return shown
