"""What a table that is opened must have: the columns of this version, and the words' indexes of the clips."""

from typing import Any

TEXT_COLUMNS = ("prompt", "title")
PARTS = "parts"  # of words, for scripts that are written without spaces (letters.py)
SPEECH = "speech"  # what is said, a line of text a line
SPEECH_TIMES = "speech_times"  # seconds: the start and end of each line, one after the other


async def ready_clips(clips: Any) -> None:
    """Make the table of clips searchable by words; touch it and their indexes, because what is broken still opens."""
    from lancedb.index import FTS
    from lancedb.query import MultiMatchQuery

    present = (await clips.schema()).names
    if PARTS not in present:  # an older ltx-mcp's; the next match of the words fills it
        await clips.add_columns({PARTS: "''"})
    if SPEECH not in present:
        await clips.add_columns({SPEECH: "''", SPEECH_TIMES: "CAST(NULL AS DOUBLE[])"})
    await clips.query().limit(1).to_list()
    indexed = {column for index in await clips.list_indices() for column in index.columns}
    for column in (*TEXT_COLUMNS, SPEECH):
        if column not in indexed:  # FTS stems English words and drops its stop words
            await clips.create_index(column, config=FTS())
    if PARTS not in indexed:
        plain = {"stem": False, "remove_stop_words": False, "ascii_folding": False, "lower_case": False}
        await clips.create_index(PARTS, config=FTS(base_tokenizer="whitespace", **plain))
    await clips.query().nearest_to_text(MultiMatchQuery("probe", list(TEXT_COLUMNS))).limit(1).to_list()


async def ready_frames(frames: Any) -> Any:
    """A frames table that was made before shots were known gets their column, empty: nothing is embedded again."""
    if "shot_start_s" not in (await frames.schema()).names:
        await frames.add_columns({"shot_start_s": "CAST(NULL AS DOUBLE)"})
    return frames
