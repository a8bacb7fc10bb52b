"""The subtitles inside a video file, as the text of an SRT file."""

from ltx_mcp.errors import MediaError
from ltx_mcp.media.ffmpeg import FFmpeg, input_args
from ltx_mcp.media.source import Source, Track

TEXT_CODECS = frozenset(["subrip", "srt", "mov_text", "webvtt", "ass", "ssa", "text"])  # the others are images of text
_LIMIT_S = 300.0  # a file of hours is read to its end
_MOST_BYTES = 8_000_000


def text_track(source: Source) -> Track | None:
    """The one that is shown unless another is chosen, or else the first; None where there is none of text."""
    tracks = [track for track in source.texts if track.codec in TEXT_CODECS]
    return next((track for track in tracks if track.is_default), tracks[0] if tracks else None)


def read_text_track(source: Source, track: Track) -> str:
    """Times are on ffmpeg's clock: `source.zero_s` is where the player's begins. Raises MediaError."""
    args = [*input_args(source.path), "-map", f"0:{track.index}", "-f", "srt", "pipe:1"]
    with FFmpeg(args, pipe_out=True) as ffmpeg:
        with ffmpeg.within(_LIMIT_S):
            raw = ffmpeg.stdout.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise MediaError(f"The subtitles in {source.path.name} have over {_MOST_BYTES / 1e6:g} MB.")
        ffmpeg.finish(_LIMIT_S)
    return raw.decode(errors="replace")
