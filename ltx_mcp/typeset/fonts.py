"""The fonts that titles are set in: ours for most scripts, the system's for the rest, and what neither can show.

Ours are one family in several files; libass takes each glyph from the file that has it, and asks the system
(fontconfig, CoreText or DirectWrite) for what none has. Chinese, Japanese and Korean would not fit into the
package: they come from the system, or from the optional dependency `ltx-mcp[cjk]`.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

from ltx_mcp.errors import BadInput, MediaError
from ltx_mcp.media.ffmpeg import executable
from ltx_mcp.typeset.plain_text import CJK, WORD_JOINER, cleaned, escaped
from ltx_mcp.typeset.script import new_script, save, subtitles_filter

FAMILY = "LTX Titles"
FONTS = Path(__file__).parent / "fonts"

_CJK_PACKAGE, _CJK_FAMILY = "noto_cjk_sans_jp_bold", "Noto Sans CJK JP"
_CJK_RUN = re.compile(f"[{CJK}](?:[{CJK}{WORD_JOINER}]*[{CJK}])?")
_LIMIT_S = 60.0  # for the first look at a system's fonts, which fontconfig then caches
_NOT_FOUND = re.compile(r"failed to find any fallback with glyph 0x([0-9A-Fa-f]+)")
_CJK_NAMES = {"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "KANGXI", "FULLWIDTH"}
_NAMED = {"CJK": "Chinese or Japanese", "HANGUL": "Korean", "HIRAGANA": "Japanese", "KATAKANA": "Japanese"}


def with_cjk_family(escaped_text: str) -> str:
    """Chinese, Japanese and Korean runs of an ASS text marked with the font that shows them.

    Without the package's font they are marked with the system's most usual one, in the shapes of their language.
    """
    family = _CJK_FAMILY if _cjk_file() else _system_family(escaped_text)
    return _CJK_RUN.sub(lambda run: rf"{{\fn{family}}}{run[0]}{{\fn}}", escaped_text)


def font_folder(texts: Iterable[str], work: Path) -> Path:
    """The folder of fonts that libass should load for these texts: ours, or one made in `work` with the CJK font."""
    cjk = _cjk_file()
    if cjk is None or not any(_CJK_RUN.search(text) for text in texts):
        return FONTS
    folder = work / "fonts"
    folder.mkdir(exist_ok=True)
    for font in (*FONTS.iterdir(), cjk):
        _link(font, folder / font.name)
    return folder


def check_fonts(texts: Iterable[str], work: Path) -> str:
    """What no font here can show, as a note, or nothing. `work` is a folder for scratch files.

    Raises BadInput where letters are missing, with the script and the remedy; a missing symbol is only noted.
    """
    texts = [cleaned(text) for text in texts]
    missing = missing_characters(texts, work)
    letters = sorted(letter for letter in missing if unicodedata.category(letter)[0] == "L")
    if letters:
        scripts = sorted({_script(letter) for letter in letters})
        raise BadInput(
            f"No font on this machine can show {' and '.join(map(_script_name, scripts))} letters, such as "
            f"{''.join(letters[:5])}.",
            _remedy(scripts),
        )
    signs = "".join(sorted(missing))
    return f"No font on this machine has {signs[:20]}; it is left out or shown as a box." if signs else ""


def missing_characters(texts: Iterable[str], work: Path) -> frozenset[str]:
    """The characters for which libass finds no glyph on this machine. Raises MediaError if ffmpeg does not run."""
    from pysubs2 import SSAEvent, SSAStyle

    letters = "".join(sorted(set("".join(texts)) - {"\n", " "}))
    if letters.isascii():
        return frozenset()
    script, path = new_script(64, 64), work / "glyphs.ass"
    script.styles["Default"] = SSAStyle(fontname=FAMILY, fontsize=8, bold=True)
    script.append(SSAEvent(start=0, end=10_000, text=with_cjk_family(escaped(letters))))
    save(script, path)
    said = _libass_warnings(subtitles_filter(path, font_folder([letters], work)))
    path.unlink(missing_ok=True)
    missing = {chr(int(code, 16)) for code in _NOT_FOUND.findall(said)}
    return frozenset(letter for letter in missing if unicodedata.category(letter) not in ("Cf", "Mn", "Cc", "Zs"))


def _libass_warnings(filters: str) -> str:
    args = ["-hide_banner", "-nostdin", "-loglevel", "warning", "-f", "lavfi", "-i", "color=size=64x64:rate=1"]
    try:
        done = subprocess.run(
            [executable(), *args, "-vf", filters, "-frames:v", "1", "-f", "null", "-"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LIMIT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise MediaError(f"ffmpeg could not look at the fonts of this machine: {error}.") from error
    return done.stderr.decode(errors="replace")


@cache
def _cjk_file() -> Path | None:
    """The font of the optional dependency, if that is installed."""
    spec = importlib.util.find_spec(_CJK_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return next(iter(sorted(Path(spec.origin).parent.glob("*.otf"))), None)


def _system_family(text: str) -> str:
    """Han letters look different in each language; its own letters tell which it is."""
    if re.search("[\u3040-\u30ff]", text):
        return "Noto Sans CJK JP"
    return "Noto Sans CJK KR" if re.search("[\uac00-\ud7af]", text) else "Noto Sans CJK SC"


def _link(font: Path, place: Path) -> None:
    if place.exists():
        return
    for way in (os.link, os.symlink):
        with suppress(OSError):
            way(font, place)
            return
    shutil.copyfile(font, place)


def _script(letter: str) -> str:
    """The first word of the letter's name in Unicode, which is its script."""
    return unicodedata.name(letter, "UNKNOWN").split()[0]


def _script_name(script: str) -> str:
    return _NAMED.get(script, script.title())


def _remedy(scripts: Iterable[str]) -> str:
    if all(script in _CJK_NAMES for script in scripts):
        return "pip install 'ltx-mcp[cjk]' brings one; so does Debian's package fonts-noto-cjk."
    return "Install a font for it on this machine, such as Noto's, or write the text in another script."
