"""Camera moves over a still: ffmpeg's zoompan over an enlarged copy.

zoompan moves in whole pixels of what it is given; over an image four times as large a step is a quarter of a pixel of
the film, which no longer shows as jitter.
"""

from ltx_mcp.edit.film import Film, FilmShot

_ENLARGED, _MAX_SIDE = 4, 8192  # pixels: 4K is enlarged only twice, so that one image stays within some 100 MB
_ZOOM = 0.12  # of the frame, over the whole shot


def motion_filters(film: Film, shot: FilmShot, first: int) -> tuple[list[str], list[str]]:
    """Filters before and after the one that repeats the still; `first` is the shot's frame at which they begin."""
    if shot.shot.motion == "none":
        return [], []
    factor = max(1, min(_ENLARGED, _MAX_SIDE // max(film.width, film.height)))
    enlarged = (
        f"scale={film.width * factor}:{film.height * factor}:flags=bicubic:out_color_matrix=bt709:out_range=pc,"
        "format=yuv444p"
    )
    done = f"(on+{first})/{max(1, shot.frames - 1)}"
    zoom, across = {
        "push_in": (f"1+{_ZOOM}*{done}", "(iw-iw/zoom)/2"),
        "pull_out": (f"{1 + _ZOOM}-{_ZOOM}*{done}", "(iw-iw/zoom)/2"),
        "pan_left": (f"{1 + _ZOOM}", f"(iw-iw/zoom)*(1-{done})"),
        "pan_right": (f"{1 + _ZOOM}", f"(iw-iw/zoom)*{done}"),
    }[shot.shot.motion]
    size = f"{film.width}x{film.height}"
    moved = f"zoompan=z='{zoom}':x='{across}':y='(ih-ih/zoom)/2':d=1:s={size}:fps={film.rate}"
    return [enlarged], [moved, f"scale=in_color_matrix=bt709:in_range=pc,settb=1/({film.rate}),setpts=N,format=gbrp"]
