"""Makes ltx_mcp/typeset/fonts/*.ttf out of the Noto fonts: one semi-bold family in several files, each its scripts.

    uv run --no-project --with fonttools==4.68.0 --with manimgx-fonts==2026.9.26.post1 bench/title_fonts.py

One family name, because libass looks for a missing glyph in every file of the family before it asks the system. One
height, because libass scales each file by its own. Declared bold, so that a system font that fills in is bold too.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

FAMILY = "LTX Titles"
OUT = Path(__file__).parent.parent / "ltx_mcp" / "typeset" / "fonts"
WEIGHT = 600
ASCENT, DESCENT = 1.124, 0.395  # of the em; Noto Sans's own
# Latin, Greek, Cyrillic, Vietnamese, punctuation, currency, arrows: without phonetic and historic extensions.
LATIN = {*range(0x530), *range(0x1E00, 0x2190), 0x25CA, 0x25CC, *range(0xFB00, 0xFB07), 0xFFFC, 0xFFFD}
SYMBOLS = {*range(0x2190, 0x2200), *range(0x2669, 0x2670)}  # arrows, and the notes that subtitles put around songs
# Skin tones, tags, keycaps and joiners: without the sequences that they form, they would be boxes of their own.
MODIFIERS = {*range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080), 0xFE0F, 0x200D, 0x20E3}
SCRIPTS = {
    "latin": "NotoSans",
    "arabic": "NotoSansArabic",
    "hebrew": "NotoSansHebrew",
    "thai": "NotoSansThai",
    "devanagari": "NotoSansDevanagari",
    "armenian": "NotoSansArmenian",
    "georgian": "NotoSansGeorgian",
    "tamil": "NotoSansTamil",
    "symbols": "NotoSansSymbols",
    "emoji": "NotoEmoji",
}


def characters(font: TTFont, script: str) -> set[int]:
    has = set(font.getBestCmap())
    if script == "latin":
        return has & LATIN
    if script == "symbols":
        return has & SYMBOLS
    has -= set(range(0x80))
    return has - MODIFIERS - LATIN - SYMBOLS if script == "emoji" else has


def subset(font: TTFont, script: str) -> None:
    options = Options()
    options.hinting = options.glyph_names = False
    options.notdef_outline = True
    options.name_IDs, options.name_languages = [0, 1, 2, 4, 5, 6, 13, 14], [0x409]
    options.drop_tables += ["DSIG", "STAT", *(["GSUB", "GPOS"] if script == "emoji" else [])]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=characters(font, script))
    subsetter.subset(font)


def rename(font: TTFont, script: str) -> None:
    titles = {1: FAMILY, 2: "Bold", 4: f"{FAMILY} {script.title()}", 6: f"LTXTitles-{script.title()}"}
    for record in list(font["name"].names):
        if record.nameID in titles:
            font["name"].setName(
                titles[record.nameID], record.nameID, record.platformID, record.platEncID, record.langID
            )
    font["head"].macStyle = 1
    font["OS/2"].usWeightClass = 700
    font["OS/2"].fsSelection = font["OS/2"].fsSelection & ~0x61 | 0x20


def set_height(font: TTFont) -> None:
    em = font["head"].unitsPerEm
    ascent, descent = round(ASCENT * em), round(DESCENT * em)
    font["OS/2"].usWinAscent, font["OS/2"].usWinDescent = ascent, descent
    font["OS/2"].sTypoAscender, font["OS/2"].sTypoDescender, font["OS/2"].sTypoLineGap = ascent, -descent, 0
    font["hhea"].ascent, font["hhea"].descent, font["hhea"].lineGap = ascent, -descent, 0


def main() -> None:
    spec = find_spec("manimgx_fonts")
    if spec is None or spec.origin is None:
        sys.exit("manimgx-fonts is not installed")
    for script, name in SCRIPTS.items():
        font = TTFont(Path(spec.origin).parent / f"{name}[wght].ttf", recalcTimestamp=False)
        font = instantiateVariableFont(font, {"wght": WEIGHT})
        subset(font, script)
        rename(font, script)
        set_height(font)
        font.save(OUT / f"{script}.ttf")
        print(f"{script:12} {(OUT / f'{script}.ttf').stat().st_size:8,} bytes")


if __name__ == "__main__":
    main()
