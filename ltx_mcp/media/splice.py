"""Puts a source's packets back into a film made from it, where both show the same: no frame there is encoded twice.

Works between key frames, on files whose decoder settings agree; both are true of our own clips (encode.py). What comes
out is checked packet by packet and put in place only if it is as planned.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from ltx_mcp.errors import MediaError
from ltx_mcp.media.ffmpeg import FFmpeg, input_args

_LIMIT_S = 600.0  # for copying a film once; longer means that it hangs


@dataclass(frozen=True)
class Kept:
    """What of a source stands at the same frames of a film: those before `before`, and those from `after` on if any."""

    path: Path
    before: int
    after: int | None = None


@dataclass(frozen=True)
class _Packet:
    """Times in ticks of the track; `what` is size and checksum."""

    dts: int
    pts: int
    what: tuple[str, str]
    key: bool


@dataclass(frozen=True)
class _Listing:
    """The video packets of a file in decoding order. `head` is whatever a decoder has to know before the first."""

    tick_s: Fraction
    head: tuple[str, ...]
    packets: tuple[_Packet, ...]
    sound: tuple[str, ...]

    @property
    def spacing(self) -> int:
        """Ticks from one frame to the next; 0 where they are not evenly spaced from 0."""
        times = sorted(packet.pts for packet in self.packets)
        gaps = {later - earlier for earlier, later in pairwise(times)}
        return gaps.pop() if len(gaps) == 1 and times[0] == 0 else 0

    def cuts(self) -> set[int]:
        """Frames at which the packets fall apart into before and after: key frames that nothing looks past."""
        packets, found = self.packets, set()
        latest, earliest = -1, [2**63] * (len(packets) + 1)
        for place in reversed(range(len(packets))):
            earliest[place] = min(packets[place].pts, earliest[place + 1])
        for place, packet in enumerate(packets):
            if packet.key and latest < packet.pts == earliest[place]:
                found.add(packet.pts // self.spacing)
            latest = max(latest, packet.pts)
        return found

    def at_s(self, frame: int) -> tuple[float, float]:
        """When the packet of this frame, a cut, is decoded and shown."""
        packet = self.packets[frame]  # as many packets come before a cut as frames
        return float(packet.dts * self.tick_s), float(packet.pts * self.tick_s)


def splice(film: Path, kept: Kept) -> tuple[int, int | None]:
    """Put the source's packets into the film's file: the frames before the first number are the source's own now, and
    those from the second on, if there is one. (0, None) if no key frame allows any. Raises MediaError, and has then
    left the film as it was.
    """
    made, source = _listing(film), _listing(kept.path)
    if made.head != source.head or made.spacing != source.spacing or not made.spacing:
        raise MediaError("its source was encoded in another way")
    cuts = made.cuts() & source.cuts()
    before = max((cut for cut in cuts if cut <= kept.before), default=0)
    after = None if kept.after is None else min((cut for cut in cuts if cut >= kept.after), default=None)
    if not before and after is None:
        return 0, None
    joined, script = film.with_name(f"{film.name}.joined"), film.with_name(f"{film.name}.ffconcat")
    try:
        script.write_text(_script(film, made, kept.path, source, before, after), encoding="utf-8")
        _join(film, script, joined)
        _check(_listing(joined), made, source, before, after)
        joined.replace(film)
    except OSError as error:
        raise MediaError(f"its packets could not be joined: {error}") from error
    finally:
        joined.unlink(missing_ok=True)
        script.unlink(missing_ok=True)
    return before, after


def _script(film: Path, made: _Listing, path: Path, source: _Listing, before: int, after: int | None) -> str:
    """What ffmpeg's concat demuxer reads: a file, from a packet on, up to another, how long that is on screen."""
    lines = ["ffconcat version 1.0"]
    frame_s = float(made.spacing * made.tick_s)

    def add(file: Path, listing: _Listing, first: int, end: int | None) -> None:
        quoted = str(file.absolute()).replace("'", r"'\''")
        start_s = listing.at_s(first)[1]
        # Always a point to begin at: a file's own beginning is that of its sound, which is a little before 0.
        lines.extend([f"file 'file:{quoted}'", f"inpoint {start_s:.6f}"])
        if end is not None:
            decoded_s, shown_s = listing.at_s(end)
            lines.extend([f"outpoint {decoded_s - frame_s / 2:.6f}", f"duration {shown_s - start_s:.6f}"])

    if before:
        add(path, source, 0, before)
    add(film, made, before, after)
    if after is not None:
        add(path, source, after, None)
    return "\n".join(lines) + "\n"


def _join(film: Path, script: Path, joined: Path) -> None:
    tag = ("-tag:v", "hvc1") if _is_hevc(film) else ()
    args = [
        # The packets as they lie in the files, with their times: converted ones would carry the decoder's settings at
        # every key frame, and ffmpeg would shift all of them so that the source's sound begins at 0.
        *("-copyts", "-auto_convert", "0", "-safe", "0", "-f", "concat", "-i", f"file:{script.absolute()}"),
        *input_args(film),
        *("-map", "0:v:0", "-map", "1:a:0?", "-map_metadata", "1", "-c", "copy", *tag),
        *("-movflags", "+faststart", "-f", "mp4", "-y", f"file:{joined.absolute()}"),
    ]
    with FFmpeg(args) as ffmpeg:
        ffmpeg.finish(_LIMIT_S)


def _check(joined: _Listing, made: _Listing, source: _Listing, before: int, after: int | None) -> None:
    """Every packet is the one that was meant, at its time, and the sound is the film's. Raises MediaError."""
    end = len(made.packets) if after is None else after
    wanted = [*source.packets[:before], *made.packets[before:end], *source.packets[end:]]
    as_planned = (
        len(wanted) == len(made.packets)
        and [packet.what for packet in joined.packets] == [packet.what for packet in wanted]
        and [packet.pts * joined.tick_s for packet in joined.packets] == [packet.pts * made.tick_s for packet in wanted]
        and joined.head == made.head
        and joined.sound == made.sound
    )
    if not as_planned:
        raise MediaError("the joined packets were not as planned")


def _is_hevc(path: Path) -> bool:
    return any("hevc" in line for line in _listing(path).head)


def _listing(path: Path) -> _Listing:
    """Raises MediaError."""
    args = [*input_args(path), "-map", "0:V:0", "-map", "0:a:0?", "-c", "copy", "-f", "framecrc", "pipe:1"]
    with FFmpeg(args, pipe_out=True) as ffmpeg:
        with ffmpeg.within(_LIMIT_S):
            lines = ffmpeg.stdout.read().decode(errors="replace").splitlines()
        ffmpeg.finish(_LIMIT_S)
    head = {line for line in lines if line.startswith("#") and line.partition(": ")[0].endswith(" 0")}
    packets = [[part.strip() for part in line.split(",")] for line in lines if not line.startswith("#")]
    return _Listing(
        tick_s=next(Fraction(line.partition(": ")[2]) for line in head if line.startswith("#tb")),
        head=tuple(sorted(head)),
        packets=tuple(
            _Packet(int(dts), int(pts), (size, crc), not any(flag.startswith("F=") for flag in flags))
            for stream, dts, pts, _, size, crc, *flags in packets
            if stream == "0"
        ),
        sound=tuple(line for line in lines if line.startswith("1,")),
    )
