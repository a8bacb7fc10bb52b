"""Speech recognition: audio in, the lines that are said in it out, with their times."""
