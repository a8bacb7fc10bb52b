"""Which codec a clip is encoded with."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from ltx_mcp.types.sizes import Resolution

Codec = Literal["h264", "hevc"]
CODECS: tuple[Codec, ...] = get_args(Codec)
ChosenCodec = Annotated[Codec | None, Field(description="Left out: h264, and hevc at 2160p.")]


def chosen_codec(asked: Codec | None, resolution: Resolution) -> Codec:
    """H.264 plays everywhere; at 2160p it takes more bits than players of that size like."""
    return asked or ("hevc" if resolution == "2160p" else "h264")
