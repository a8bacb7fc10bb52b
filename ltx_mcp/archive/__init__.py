"""Finished clips: the files on disk, the index over them kept in step, and the draft latents."""
