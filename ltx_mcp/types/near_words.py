"""Words and units that people and their agents use for an option's own: what each of them means here.

`word` reads a value of an enumeration, `number_in` a number with its unit. Both give None for what they do not know:
then the option's own error says what is allowed.
"""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType

# Each is written without case, spaces, hyphens, underscores and dots. Of several meanings that one counts which the
# option has: a camera is dollied in, a still is pushed in.
_NEAR: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(("portrait", "vertical", "upright", "reel", "reels", "shorts", "story", "tiktok"), ("9:16",)),
        **dict.fromkeys(("landscape", "horizontal", "widescreen", "wide"), ("16:9",)),
        "square": ("1:1",),
        **dict.fromkeys(("4k", "4kuhd", "uhd", "uhd4k", "ultrahd", "4kultrahd", "2160"), ("2160p",)),
        **dict.fromkeys(("2k", "wqhd", "quadhd"), ("1440p",)),
        **dict.fromkeys(("fullhd", "fhd", "hd1080"), ("1080p",)),
        **dict.fromkeys(("hd", "hd720"), ("720p",)),
        "sd": ("480p",),
        **dict.fromkeys(("h265", "x265", "libx265", "hev1", "hvc1", "h265hevc", "hevch265"), ("hevc",)),
        **dict.fromkeys(("x264", "libx264", "avc", "avc1", "h264avc", "avch264"), ("h264",)),
        **dict.fromkeys(("fast", "quick", "preview", "proof", "rough"), ("draft",)),
        **dict.fromkeys(("standard", "normal"), ("final", "medium")),
        **dict.fromkeys(("dollyforward", "pushin", "movein", "zoomin"), ("dolly_in", "push_in")),
        **dict.fromkeys(("dollyback", "dollybackward", "pullout", "pullback", "moveout", "zoomout"),
                        ("dolly_out", "pull_out")),
        **dict.fromkeys(("truckleft", "trackleft"), ("dolly_left",)),
        **dict.fromkeys(("truckright", "trackright"), ("dolly_right",)),
        **dict.fromkeys(("craneup", "boomup", "pedestalup"), ("jib_up",)),
        **dict.fromkeys(("cranedown", "boomdown", "pedestaldown"), ("jib_down",)),
        **dict.fromkeys(("rackfocus", "pullfocus", "focuspull"), ("focus_shift",)),
        **dict.fromkeys(("locked", "lockedoff", "tripod", "fixed", "still", "stationary", "static"),
                        ("static", "none", "png")),
        **dict.fromkeys(("crossfade", "crossdissolve", "xfade", "mix", "fade"), ("dissolve",)),
        **dict.fromkeys(("fadetoblack", "fadethroughblack", "diptoblack", "dipblack"), ("fade_black",)),
        **dict.fromkeys(("fadetowhite", "fadethroughwhite", "diptowhite", "dipwhite"), ("fade_white",)),
        "wipe": ("wipe_left",),
        "slide": ("slide_left",),
        **dict.fromkeys(("hardcut", "straightcut", "jumpcut", "none"), ("cut",)),
        **dict.fromkeys(("cover", "fill"), ("crop",)),
        **dict.fromkeys(("contain", "letterbox", "pillarbox", "bars"), ("pad",)),
        **dict.fromkeys(("blurred", "blurredbackground"), ("blur",)),
        **dict.fromkeys(("middle", "centre", "centered", "centred"), ("center",)),
        **dict.fromkeys(("bottomcenter", "bottomcentre", "lower"), ("bottom",)),
        **dict.fromkeys(("topcenter", "topcentre", "upper"), ("top",)),
        **dict.fromkeys(("middleleft", "centerleft"), ("left",)),
        **dict.fromkeys(("middleright", "centerright"), ("right",)),
        **dict.fromkeys(("upperleft", "lefttop"), ("top_left",)),
        **dict.fromkeys(("upperright", "righttop"), ("top_right",)),
        **dict.fromkeys(("lowerleft", "leftbottom"), ("bottom_left",)),
        **dict.fromkeys(("lowerright", "rightbottom"), ("bottom_right",)),
        **dict.fromkeys(("heading", "headline"), ("title",)),
        **dict.fromkeys(("mov", "quicktime", "appleprores"), ("prores",)),
        **dict.fromkeys(("h264", "mpeg4"), ("mp4",)),
        "vp9": ("webm",),
        **dict.fromkeys(("wave", "audio"), ("wav",)),
        "animatedgif": ("gif",),
        **dict.fromkeys(("frame", "image"), ("png",)),
        **dict.fromkeys(("film", "films", "movie", "edit"), ("edited",)),
        **dict.fromkeys(("upload", "uploaded", "import", "footage"), ("imported",)),
        **dict.fromkeys(("animate", "animation"), ("animated",)),
        "restyle": ("restyled",),
        "generate": ("generated",),
        **dict.fromkeys(("edge", "edges"), ("canny", "structure")),
        **dict.fromkeys(("openpose", "dwpose", "skeleton"), ("pose",)),
        "depthmap": ("depth",),
        **dict.fromkeys(("iclora",), ("reference",)),
        **dict.fromkeys(("control", "controlnet"), ("structure",)),
        **dict.fromkeys(("img2img", "vid2vid", "sdedit"), ("repaint",)),
        "big": ("large",),
        "med": ("medium",),
    }
)  # fmt: skip

_LONGEST = 100  # characters: no value is said in more
_QUOTES = "\"'`\u201c\u201d\u2018\u2019"
_SEPARATORS = re.compile(r"[\s\-_.]+")
_RATIO = re.compile(r"([0-9]{1,5}) ?(?:[:x/*\-\u00d7\u2236]|by) ?([0-9]{1,5})")
_SIZE = re.compile(r"([0-9]{3,5}) ?[x*\u00d7] ?([0-9]{3,5})")
_NUMBER = r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?"
_PLAIN = re.compile(_NUMBER)
_WITH_UNIT = re.compile(rf"({_NUMBER}) ?([a-z%/]{{1,12}})")
_FRACTION = re.compile(r"([0-9]{1,9}) ?/ ?([0-9]{1,9})")
_CLOCK = re.compile(r"(?:([0-9]{1,2}):)?([0-9]{1,3}):([0-9]{1,2}(?:\.[0-9]{1,6})?)")
_MINUTES = re.compile(rf"([0-9]{{1,3}}) ?(?:m|min) ?({_NUMBER}) ?(?:s|sec)?")

_SECONDS = {
    "ms": 0.001,
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
}
_RATES = dict.fromkeys(("fps", "hz", "p", "frames/s", "frames/sec"), 1.0)
_LEVELS = {"db": 1.0}
_SHARES = {"x": 1.0, "%": 0.01}


def word(text: str, allowed: Sequence[str]) -> str | None:
    """Which of the allowed values is meant, also where it is said twice: "16:9 (landscape)". None for none of them."""
    if (meant := _single_word(text, allowed)) is not None:
        return meant
    for apart in (r"[()]+", r"[()\s,]+"):
        parts = [part for part in re.split(apart, text.strip()[:_LONGEST]) if part.strip()]
        meanings = {_single_word(part, allowed) for part in parts}
        if len(parts) > 1 and len(meanings) == 1:
            return meanings.pop()
    return None


def _single_word(text: str, allowed: Sequence[str]) -> str | None:
    plain = text.strip().strip(_QUOTES).strip().casefold()
    squeezed = _SEPARATORS.sub("", plain)
    for each in allowed:
        if squeezed == _SEPARATORS.sub("", each):
            return each
    meanings = (*_NEAR.get(squeezed, ()), *_ratio(plain, allowed), *_height(plain))
    return next((meaning for meaning in meanings if meaning in allowed), None)


def _ratio(plain: str, allowed: Sequence[str]) -> list[str]:
    """9x16, 16/9 and 1920x1080 for an aspect: all of the same shape."""
    found = _RATIO.fullmatch(plain)
    if found is None or not int(found[2]):
        return []
    shape = Fraction(int(found[1]), int(found[2]))
    shapes = ((each, _RATIO.fullmatch(each)) for each in allowed)
    return [each for each, sides in shapes if sides and Fraction(int(sides[1]), int(sides[2])) == shape]


def _height(plain: str) -> list[str]:
    """720, and 1280x720 where it is of the wide shape, for a resolution. Another shape is the aspect's to say."""
    if plain.isascii() and plain.isdigit():
        return [f"{plain}p"]
    found = _SIZE.fullmatch(plain)
    return [f"{found[2]}p"] if found and 1.7 < int(found[1]) / int(found[2]) < 1.8 else []


def number_in(text: str, name: str) -> int | float | None:
    """The number that a text gives for the option of this name, such as "5s" for `duration_s`; None if it gives none.

    A whole number is exact, whatever its size.
    """
    plain = text.strip().strip(_QUOTES).strip().casefold()
    if _PLAIN.fullmatch(plain):
        return _number(plain)
    if found := _FRACTION.fullmatch(plain):
        return int(found[1]) / int(found[2]) if int(found[2]) else None
    if name.endswith("_s") and (found := _CLOCK.fullmatch(plain)):
        return round(int(found[1] or 0) * 3600 + int(found[2]) * 60 + float(found[3]), 6)
    if name.endswith("_s") and (found := _MINUTES.fullmatch(plain)):
        return round(int(found[1]) * 60 + float(found[2]), 6)
    found = _WITH_UNIT.fullmatch(plain)
    factor = _units(name).get(found[2]) if found else None
    return None if found is None or factor is None else round(float(found[1]) * factor, 9)


def _units(name: str) -> Mapping[str, float]:
    if name.endswith("_s"):
        return _SECONDS
    if name.endswith("_db"):
        return _LEVELS
    return _RATES if name == "fps" else _SHARES


def _number(text: str) -> int | float:
    whole, _, rest = text.partition(".")
    return int(whole) if whole.lstrip("+-").isdigit() and not rest.strip("0") else float(text)
