"""How the frames of a source are decoded: the arguments that open it, and the filters that give them as they are seen.

Everything that looks at a source goes through here, so that no two see other frames: upright, without combs, in
BT.709, on white where they are transparent.
"""

from ltx_mcp.media.colour import TO_RGB, scale_filter
from ltx_mcp.media.ffmpeg import input_args
from ltx_mcp.media.source import UNKNOWN, Source, VideoStream

DEINTERLACED = "bwdif=mode=send_frame:deint=interlaced"  # one frame of two fields: the rate stays
_SCALED_MATRICES = frozenset({"bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc", "gbr", UNKNOWN})
_TRANSFERS = frozenset({
    "bt709", "smpte170m", "smpte240m", "linear", "log100", "log316", "iec61966-2-4", "iec61966-2-1", "bt2020-10",
    "bt2020-12", "smpte2084", "arib-std-b67", "bt470m", "bt470bg",
})  # fmt: skip
_DEEP = "format=yuv444p10le|yuv444p12le|gbrp10le|gbrp12le"
_TO_BT709 = "zscale=primaries=bt709:transfer=bt709:matrix=bt709:range=limited,format=yuv444p"
_TONE_MAPPED = (
    # 203 nits are HDR's diffuse white (ITU-R BT.2408), which becomes SDR's white; what is brighter has the last 5 %.
    "zscale=transfer=linear:npl=203,format=gbrpf32le,zscale=primaries=bt709,tonemap=mobius:param=0.95:desat=0,"
    "zscale=transfer=bt709:matrix=bt709:range=limited,format=yuv444p"
)
# Seeking in these finds no key frame by itself: reading begins so much before, more than the 250 frames between x264's.
_LEAD_S = dict.fromkeys(("mpegts", "mpeg", "asf", "flv", "ogg"), 12.0)
# ffmpeg lets their clock begin with the first of the streams that it writes, not of all that there are.
_CLOCK_OF_THE_USED = frozenset({"mpegts", "mpeg"})
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # ffmpeg's own leave the alpha out


def open_at(source: Source, at_s: float, *, exact: bool = False) -> tuple[list[str], float]:
    """(arguments that open the source to be read from a time on the player's clock, the time of what comes first).

    Decoded times begin `lead` seconds before that time: the second value, to be subtracted from them. Without `exact`
    the key frame before is the first to come, for the frame on screen then may have appeared before it.
    """
    decoder = ALPHA_DECODERS.get(source.video.codec) if source.video.has_alpha else None
    opened = [*(("-c:v", decoder) if decoder else ()), *input_args(source.path)]
    wanted_s = at_s + source.zero_s
    lead_s = _LEAD_S.get(source.container, 0.0)
    if wanted_s - lead_s <= 0:
        return (["-itsoffset", f"{-wanted_s:.6f}"] if wanted_s else []) + opened, 0.0
    seek = [] if exact and not lead_s else ["-noaccurate_seek"]
    return [*seek, "-ss", f"{wanted_s - lead_s:.6f}", *opened], lead_s


def same_clock(source: Source, place: int = 0) -> list[str]:
    """Arguments after all others, by which one stream read alone keeps the clock of both; `place` is the input's."""
    if source.container not in _CLOCK_OF_THE_USED or source.audio is None:
        return []
    streams = (f"{place}:{source.video.index}", f"{place}:{source.audio.index}")
    return ["-map", streams[0], "-map", streams[1], "-c", "copy", "-t", "0.001", "-f", "null", "-"]


def covering_crop(width: int, height: int) -> str:
    """The middle of a frame that covers (width, height), in terms of each frame's own size and pixel shape.

    Both may change on the way. An odd offset would split a sample of 10 bits: ffmpeg's crop counts bytes there.
    """
    aspect = f"{width}/{height}"
    size = f"w='max(1,min(iw,ih*{aspect}/sar))':h='max(1,min(ih,iw*sar/({aspect})))'"
    return f"crop={size}:x='2*floor((iw-ow)/4)':exact=1"


def frame_filters(video: VideoStream, width: int, height: int, label: str = "") -> list[str]:
    """Filters to (width, height) in 8-bit RGB, the whole frame at exactly that size, however it is coded.

    They follow the choice and the crop of frames, for they are what costs; deinterlacing comes before. `label` keeps
    names apart in one graph.
    """
    return [*_named(video), scale_filter(width, height), *_in_bt709(video), *_on_white(video, label), TO_RGB]


def seen_colours(video: VideoStream, label: str) -> list[str]:
    """The same at the size of the source, for a graph that fits and converts to RGB itself."""
    return [*_named(video), *_in_bt709(video), *_on_white(video, label)]


def _named(video: VideoStream) -> list[str]:
    """What the file does not say of its colours, said by the rule of players."""
    colour, said = video.colour, []
    if video.is_rgb:
        return []
    if colour.is_hdr or colour.is_wide:
        assumed = {
            "color_primaries": (colour.primaries, "bt2020"),
            "color_trc": (colour.transfer if colour.transfer in _TRANSFERS else UNKNOWN, "bt709"),
            "colorspace": (colour.matrix, "bt2020nc" if colour.primaries in (UNKNOWN, "bt2020") else "bt709"),
            "range": (colour.range, "tv"),
        }
        said = [f"{name}={rule}" for name, (known, rule) in assumed.items() if known == UNKNOWN]
    elif colour.matrix == UNKNOWN:
        said = [f"colorspace={'bt709' if video.is_hd else 'smpte170m'}"]
    elif colour.matrix not in _SCALED_MATRICES:
        said = ["color_primaries=bt709", "color_trc=bt709", *(["range=tv"] if colour.range == UNKNOWN else [])]
    return [f"setparams={':'.join(said)}"] if said else []


def _in_bt709(video: VideoStream) -> list[str]:
    if video.colour.is_hdr:
        return [_DEEP, _TONE_MAPPED]
    if video.colour.is_wide or video.colour.matrix not in _SCALED_MATRICES:
        return [_DEEP, _TO_BT709]
    return []


def _on_white(video: VideoStream, label: str) -> list[str]:
    if not video.has_alpha:
        return []
    white, over = f"w{label}", f"o{label}"
    return [
        f"format=rgba,split[{white}][{over}];[{white}]drawbox=color=white:t=fill:replace=1,format=rgb24[{white}b];"
        f"[{white}b][{over}]overlay=format=rgb"
    ]
