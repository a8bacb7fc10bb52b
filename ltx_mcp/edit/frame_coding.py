"""How a video's frames are coded: colour, range and fields, as showinfo prints them of a decoded frame."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.errors import MediaError
from ltx_mcp.media.ffmpeg import executable, input_args
from ltx_mcp.media.framecrc import HINT

_LIMIT_S = 60.0  # for one frame; longer means a file made to stall us
_FIELD = re.compile(r" i:([PTB]) ")
_COLOUR = re.compile(r"color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)")
HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})  # PQ and HLG


@dataclass(frozen=True)
class FrameCoding:
    """In ffmpeg's names, "unknown" where the file does not say. `interlaced` is what its first frame is flagged as."""

    matrix: str = "unknown"
    primaries: str = "unknown"
    transfer: str = "unknown"
    interlaced: bool = False

    @property
    def is_hdr(self) -> bool:
        return self.transfer in HDR_TRANSFERS


def read_frame_coding(path: Path) -> FrameCoding:
    """Of the first video stream's first frame. Raises MediaError for what does not decode."""
    args = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", "info", *input_args(path)]
    args += ["-map", "0:V:0", "-vf", "showinfo=checksum=0", "-frames:v", "1", "-f", "null", "-"]
    try:
        done = subprocess.run([executable(), *args], capture_output=True, timeout=_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        raise MediaError(f"{path.name} cannot be read as a video: its first frame takes too long.", HINT) from None
    said = done.stderr.decode(errors="replace")
    field, colour = _FIELD.search(said), _COLOUR.search(said)
    if done.returncode or field is None or colour is None:
        raise MediaError(f"{path.name} cannot be read as a video: it holds no frame that decodes.", HINT)
    return FrameCoding(matrix=colour[1], primaries=colour[2], transfer=colour[3], interlaced=field[1] != "P")
