"""A film from shots: exact frames on one timeline, and the ffmpeg graphs that make them. Knows no archive and no jobs."""
