"""The ASS script that libass reads, written by pysubs2, and the ffmpeg filter that sets it."""

import re
from pathlib import Path

from pysubs2 import SSAFile


def new_script(width: int, height: int) -> SSAFile:
    """An empty script whose pixels are those of the frame."""
    script = SSAFile()
    script.styles.clear()
    script.info.update(
        PlayResX=str(width), PlayResY=str(height), WrapStyle="0", ScaledBorderAndShadow="yes", YCbCr_Matrix="None"
    )
    return script


def save(script: SSAFile, path: Path) -> None:
    path.write_text(script.to_string("ass"), encoding="utf-8")


def subtitles_filter(script: Path, fonts: Path) -> str:
    """The filter as it stands in a filter graph. Lines break by Unicode's rules, so in CJK between letters."""
    return f"subtitles=filename={_quoted(script)}:fontsdir={_quoted(fonts)}:wrap_unicode=1"


def _quoted(path: Path) -> str:
    """A path through two levels of ffmpeg's escaping: that of an option's value, then that of the graph."""
    value = re.sub(r"([\\':])", r"\\\1", str(path.absolute()))
    return re.sub(r"([\\'\[\],;])", r"\\\1", value)
