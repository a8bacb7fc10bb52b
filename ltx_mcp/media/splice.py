"""Puts a source's packets back into a clip made from it, where both show the same: no frame there is encoded twice.

Works between key frames, on files whose decoder settings agree; both are true of our own clips (encode.py). The result
is checked packet by packet, and replaces the clip only if it is as planned.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from ltx_mcp.errors import MediaError
from ltx_mcp.media.ffmpeg import FFmpeg, input_args
from ltx_mcp.media.framecrc import Packet, Stream, list_packets

_LIMIT_S = 600.0  # for copying a clip once; longer means that it hangs


@dataclass(frozen=True)
class UnchangedFrames:
    """Frames of a source at the same place in a clip made from it: those before `before`, and those from `after` on."""

    source: Path
    before: int
    after: int | None = None


def splice(clip: Path, unchanged: UnchangedFrames) -> tuple[int, int | None]:
    """Put the source's packets into the clip's file, as far as key frames of both allow.

    The frames before the first returned number are the source's own now, and those from the second on, if there is
    one; (0, None) if no key frame allows any. Raises MediaError, and has then left the clip as it was.
    """
    (made, audio), (source, _) = list_packets(clip), list_packets(unchanged.source)
    spacing = _spacing(made)
    if _decoder_settings(made) != _decoder_settings(source) or spacing != _spacing(source) or not spacing:
        raise MediaError("its source was encoded in another way")
    cuts = _cuts(made) & _cuts(source)
    before = max((cut for cut in cuts if cut <= unchanged.before), default=0)
    after = None if unchanged.after is None else min((cut for cut in cuts if cut >= unchanged.after), default=None)
    if not before and after is None:
        return 0, None
    joined, script = clip.with_name(f"{clip.name}.joined"), clip.with_name(f"{clip.name}.ffconcat")
    try:
        script.write_text(_script(clip, made, unchanged.source, source, before, after), encoding="utf-8")
        _join(clip, made.codec, script, joined)
        _check(list_packets(joined), (made, audio), source, before, after)
        joined.replace(clip)
    except OSError as error:
        raise MediaError(f"its packets could not be joined: {error}") from error
    finally:
        joined.unlink(missing_ok=True)
        script.unlink(missing_ok=True)
    return before, after


def _decoder_settings(stream: Stream) -> Stream:
    return replace(stream, packets=())


def _spacing(stream: Stream) -> int:
    """Ticks from one frame to the next; 0 where they are not evenly spaced from 0."""
    times = sorted(packet.pts for packet in stream.packets)
    gaps = {later - earlier for earlier, later in pairwise(times)}
    return gaps.pop() if len(gaps) == 1 and times[0] == 0 else 0


def _cuts(stream: Stream) -> set[int]:
    """Frames at which the packets fall apart into before and after: key frames that no frame refers across."""
    packets, spacing, found = stream.packets, _spacing(stream), set()
    latest, earliest = -1, [2**63] * (len(packets) + 1)
    for place in reversed(range(len(packets))):
        earliest[place] = min(packets[place].pts, earliest[place + 1])
    for place, packet in enumerate(packets):
        if packet.is_key and latest < packet.pts == earliest[place]:
            found.add(packet.pts // spacing)
        latest = max(latest, packet.pts)
    return found


def _script(clip: Path, made: Stream, path: Path, source: Stream, before: int, after: int | None) -> str:
    """What ffmpeg's concat demuxer reads: a file, from one packet up to another, and how long that is on screen."""
    lines = ["ffconcat version 1.0"]
    frame_s = float(_spacing(made) * made.tick_s)

    def add(file: Path, stream: Stream, first: int, end: int | None) -> None:
        quoted = str(file.absolute()).replace("'", r"'\''")
        start_s = _shown_s(stream, first)
        # Always an inpoint: without one a file begins with its audio, which is a little before 0.
        lines.extend([f"file 'file:{quoted}'", f"inpoint {start_s:.6f}"])
        if end is not None:
            outpoint_s = _decoded_s(stream, end) - frame_s / 2
            lines.extend([f"outpoint {outpoint_s:.6f}", f"duration {_shown_s(stream, end) - start_s:.6f}"])

    if before:
        add(path, source, 0, before)
    add(clip, made, before, after)
    if after is not None:
        add(path, source, after, None)
    return "\n".join(lines) + "\n"


def _shown_s(stream: Stream, cut: int) -> float:
    return float(stream.packets[cut].pts * stream.tick_s)  # as many packets come before a cut as frames


def _decoded_s(stream: Stream, cut: int) -> float:
    return float(stream.packets[cut].dts * stream.tick_s)


def _join(clip: Path, codec: str, script: Path, joined: Path) -> None:
    tag = ("-tag:v", "hvc1") if codec == "hevc" else ()
    args = [
        # The packets as they lie in the files, with their times: converted ones would carry the decoder's settings at
        # every key frame, and ffmpeg would shift all of them so that the source's audio begins at 0.
        *("-copyts", "-auto_convert", "0", "-safe", "0", "-f", "concat", "-i", f"file:{script.absolute()}"),
        *input_args(clip),
        *("-map", "0:v:0", "-map", "1:a:0?", "-map_metadata", "1", "-c", "copy", *tag),
        *("-movflags", "+faststart", "-f", "mp4", "-y", f"file:{joined.absolute()}"),
    ]
    with FFmpeg(args) as ffmpeg:
        ffmpeg.finish(_LIMIT_S)


def _check(
    joined: tuple[Stream, Stream | None],
    made: tuple[Stream, Stream | None],
    source: Stream,
    before: int,
    after: int | None,
) -> None:
    """Every packet is the one that was planned, at its time, and the audio is the clip's. Raises MediaError."""
    (video, audio), (made_video, made_audio) = joined, made
    end = len(made_video.packets) if after is None else after
    wanted = (*source.packets[:before], *made_video.packets[before:end], *source.packets[end:])
    as_planned = (
        len(wanted) == len(made_video.packets)
        and _contents(video.packets) == _contents(wanted)
        and _times_s(video, video.packets) == _times_s(made_video, wanted)
        and _decoder_settings(video) == _decoder_settings(made_video)
        and (audio and audio.packets) == (made_audio and made_audio.packets)
    )
    if not as_planned:
        raise MediaError("the joined packets were not as planned")


def _contents(packets: Sequence[Packet]) -> list[tuple[int, int]]:
    return [(packet.bytes, packet.checksum) for packet in packets]


def _times_s(stream: Stream, packets: Sequence[Packet]) -> list[Fraction]:
    return [packet.pts * stream.tick_s for packet in packets]
