"""ffmpeg's filters for one shot: from whatever its source is to frames of the film's size and rate.

Every chain here gives frames without end, from a given frame of the shot on: whoever reads them takes the exact count.
A source that ends early goes on with its last frame.
"""

from dataclasses import dataclass

from ltx_mcp.edit.film import Film, FilmShot
from ltx_mcp.edit.motion import motion_filters
from ltx_mcp.edit.sources import StillSource, VideoSource
from ltx_mcp.edit.stills import StillFile
from ltx_mcp.media.colour import scale_filter
from ltx_mcp.media.decoding import DEINTERLACED, covering_crop, open_at, same_clock, seen_colours
from ltx_mcp.media.footage import Footage

PIXELS = "gbrp"  # planar RGB: what xfade, pad and overlay work on without a colour matrix between them

_GRACE_US = 500  # times are handed out with three decimals: one that was rounded down still means its own frame
_BLURRED_AT = 8  # the blurred frame behind a padded one is made at an eighth of the size


@dataclass(frozen=True)
class Input:
    """One input of a graph: ffmpeg's arguments that open it, and the filters that follow its stream `index`.

    `after` are arguments that come after all others.
    """

    args: tuple[str, ...]
    filters: str
    index: int = 0
    after: tuple[str, ...] = ()


def shot_input(film: Film, shot: FilmShot, first: int, label: str, still: StillFile | None = None) -> Input:
    """The frames of a shot from its frame `first` on.

    `label`, the input's number, keeps names apart in one graph; a still is in `still`.
    """
    match shot.source:
        case VideoSource(footage):
            return _video(film, shot, footage, first, label)
        case StillSource():
            assert still is not None, "a still is rendered from a file"
            return _still(film, shot, first, label, still)


def _video(film: Film, shot: FilmShot, footage: Footage, first: int, label: str) -> Input:
    into_s = (shot.shot.start_s or 0.0) + float(first / film.rate) * shot.shot.speed
    video = footage.source.video
    # From the key frame before it: the frame on screen at the start may have appeared before it.
    opened, lead_s = open_at(footage.source, footage.start_s + into_s)
    filters = [
        *([DEINTERLACED] if video.interlaced else []),
        f"settb=AVTB,setpts=(PTS-{_GRACE_US + round(lead_s * 1e6)})/{shot.shot.speed:g}",
        *_ending(footage, into_s, shot.shot.speed),
        # At each tick the last frame that began before it, the first being the one on screen at the start.
        f"fps=fps={film.rate}:start_time=0:round=up,tpad=stop=-1:stop_mode=clone",
        *seen_colours(video, label),
        _fitted(film, footage.width, footage.height, label),
    ]
    return Input(tuple(opened), ",".join(filters), video.index, tuple(same_clock(footage.source, int(label))))


def _ending(footage: Footage, into_s: float, speed: float) -> list[str]:
    """No frame that comes after the span, where it ends before the file does."""
    if footage.end_s is None:
        return []
    left_us = round((footage.duration_s - into_s) / speed * 1e6)
    return [f"trim=end_pts={max(1, left_us - 2 * _GRACE_US)}"]


def _still(film: Film, shot: FilmShot, first: int, label: str, still: StillFile) -> Input:
    args = (
        *("-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{still.width}x{still.height}"),
        *("-framerate", str(film.rate), "-i", f"file:{still.path.absolute()}"),
    )
    held = f"loop=loop=-1:size=1,settb=1/({film.rate}),setpts=N,fps={film.rate}"
    moved = motion_filters(film, shot, first)
    return Input(args, ",".join([_fitted(film, still.width, still.height, label), *moved[0], held, *moved[1]]))


def _fitted(film: Film, width: int, height: int, label: str) -> str:
    """Filters that bring frames of (width, height) as shown to the film's size, in `PIXELS`."""
    whole = (film.width, film.height)
    if film.fit == "crop" or _inside((width, height), whole) == whole:
        return _covering(*whole)
    inner = _inside((width, height), whole)
    framed = f"{scale_filter(*inner)},setsar=1,format={PIXELS}"
    centred = f"{(film.width - inner[0]) // 2}:{(film.height - inner[1]) // 2}"
    if film.fit == "pad":
        return f"{framed},pad={film.width}:{film.height}:{centred}:black"
    small = max(2, film.width // _BLURRED_AT), max(2, film.height // _BLURRED_AT)
    blurred = f"{_covering(*small)},gblur=sigma={small[1] / 16:.2f},colorchannelmixer=rr=.7:gg=.7:bb=.7"
    behind = f"{blurred},scale={film.width}:{film.height}:flags=bicubic"
    return f"split[a{label}][b{label}];[a{label}]{behind}[c{label}];[b{label}]{framed}[d{label}];" + (
        f"[c{label}][d{label}]overlay={centred}:format=gbrp"
    )


def _covering(width: int, height: int) -> str:
    return f"{covering_crop(width, height)},{scale_filter(width, height)},setsar=1,format={PIXELS}"


def _inside(size: tuple[int, int], room: tuple[int, int]) -> tuple[int, int]:
    """The even (width, height) of all of it within the room; one pixel of rounding counts as full."""
    scale = min(room[0] / size[0], room[1] / size[1])
    width, height = (max(2, min(most, round(side * scale / 2) * 2)) for side, most in zip(size, room, strict=True))
    return width, height
