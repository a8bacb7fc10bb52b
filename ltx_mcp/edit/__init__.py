"""A film from shots: exact frames on one timeline, and the ffmpeg graphs that make them. No archive, no jobs."""
