"""The fingerprint of each clip, kept beside its sidecar; that of a clip older than fingerprints is made when needed."""

import logging
from pathlib import Path
from secrets import token_hex

from ltx_mcp.archive.clip_frames import read_samples
from ltx_mcp.provenance.fingerprint import FINGERPRINT, Fingerprint, fingerprint_of, read, text_of
from ltx_mcp.types.clips import Clip

log = logging.getLogger(__name__)


def read_fingerprint(clip: Clip) -> Fingerprint:
    """To be called on a worker thread of anyio. Raises NotFound for footage whose file has moved, MediaError."""
    path = clip.sheet_path.with_name(FINGERPRINT)
    try:
        return read(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        samples = read_samples(clip)
        made = fingerprint_of(samples.times_s, samples.frames)
        _keep(path, text_of(made))
        return made


def _keep(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:  # it is made again the next time
        log.warning("%s could not be written: %s", path, error)
