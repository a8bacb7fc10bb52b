"""Writes a clip, or its span, as a file for other programs, into a folder that the user named.

Never over a file that is there: another number is added to the name. The file appears whole, by one rename, and
carries the source's tags, so that what a model made still says so.
"""

import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from ltx_mcp.errors import BadInput, MediaError
from ltx_mcp.media.ffmpeg import FFmpeg, input_args
from ltx_mcp.media.probe import Probe, probe, read_frames
from ltx_mcp.types.exports import ExportFormat

OnProgress = Callable[[float], None]
"""Called with the share that is written, 0..1, at least twice a second. What it raises ends the export."""

MAX_GIF_BYTES = 10_000_000  # what GitHub shows in a README
_SUFFIX: dict[ExportFormat, str] = {"prores": ".mov"}
_LIMIT_S = 3600.0  # for one pass; ProRes and VP9 of a long film take minutes
_MAX_NUMBER = 1000  # of files of one name
# Frames a second and pixels of width, from the best to the smallest that still shows what happens.
_GIF_STEPS = ((15, 640), (12, 480), (10, 400), (8, 320), (6, 240), (5, 160))
_MAX_TAG_BYTES = 65_536
_COPIED = {"h264", "aac"}
_WRITTEN = re.compile(rb"out_time_us=([0-9]+)")


@dataclass(frozen=True)
class Export:
    """What to write: the whole of `source`, its span in seconds, or for png the frame at `at_s`."""

    source: Path
    format: ExportFormat
    span_s: tuple[float, float] | None = None
    at_s: float | None = None


def export(
    asked: Export,
    folder: Path,
    name: str,
    progress: OnProgress = lambda share: None,
    finish: Callable[[Path], None] = lambda part: None,
) -> Path:
    """The file that was written, `name` with the format's suffix. `finish` may change it before it has that name.

    Raises BadInput for a folder that cannot be used
    or audio that is not there, MediaError for what could not be written, and whatever `progress` does; no part of a
    file is left then.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder.", "Make it first, or name one that exists.")
    found = probe(asked.source)
    if asked.format == "wav" and not found.has_audio:
        raise BadInput(f"{asked.source.name} has no audio to export as wav.", "Choose mp4, webm, gif, prores or png.")
    suffix = _SUFFIX.get(asked.format, f".{asked.format}")
    part = folder / f".{token_hex(8)}.part{suffix}"  # ffmpeg and Pillow tell the format by the suffix
    try:
        part.touch(exist_ok=False)
        _WRITERS[asked.format](asked, found, part, progress)
        finish(part)
        progress(1.0)
        return _put_in_place(part, folder, _file_name(name), suffix)
    except OSError as error:
        raise MediaError(
            f"{folder} cannot be written to: {error.strerror}.", "Check its permissions and its disk."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _put_in_place(part: Path, folder: Path, name: str, suffix: str) -> Path:
    """Reserve a name that nobody has, then let the finished file take its place."""
    for number in range(1, _MAX_NUMBER):
        target = folder / (f"{name}{suffix}" if number == 1 else f"{name}-{number}{suffix}")
        with suppress(FileExistsError):
            target.touch(exist_ok=False)
            try:
                part.replace(target)
            except OSError:
                target.unlink(missing_ok=True)
                raise
            return target
    raise BadInput(f"{folder} holds {name}{suffix} many times over.", "Choose another name or folder.")


def _file_name(name: str) -> str:
    """A name of one file: it cannot lead out of its folder, hide, or be read as an option."""
    plain = "".join(letter for letter in name if letter.isprintable() and letter not in '/\\:*?"<>|')
    return os.fsencode(plain.strip(" .-"))[:200].decode(errors="ignore") or "clip"


# -- formats ------------------------------------------------------------------------------------------


def _write_mp4(asked: Export, found: Probe, part: Path, progress: OnProgress) -> None:
    """The same packets where they are H.264 and AAC already and all are wanted."""
    codecs = {found.codec, found.audio_codec or "aac"}
    if codecs <= _COPIED and asked.span_s is None:
        encoding = ["-c", "copy"]
    else:
        encoding = ["-pix_fmt", "yuv420p", *("-c:v", "libx264", "-preset", "medium", "-crf", "18")]
        encoding += ["-c:a", "aac", "-b:a", "192k"]
    _run(
        asked,
        [*encoding, "-map", "0:V:0", "-map", "0:a:0?", "-movflags", "+faststart", "-f", "mp4"],
        part,
        found,
        progress,
    )


def _write_webm(asked: Export, found: Probe, part: Path, progress: OnProgress) -> None:
    encoding = ["-c:v", "libvpx-vp9", "-crf", "31", "-b:v", "0", "-row-mt", "1", "-cpu-used", "4"]
    encoding += ["-pix_fmt", "yuv420p", "-c:a", "libopus", "-b:a", "128k", "-ac", "2"]
    _run(asked, [*encoding, "-map", "0:V:0", "-map", "0:a:0?", "-f", "webm"], part, found, progress)


def _write_prores(asked: Export, found: Probe, part: Path, progress: OnProgress) -> None:
    encoding = ["-c:v", "prores_ks", "-profile:v", "hq", "-vendor", "apl0", "-pix_fmt", "yuv422p10le"]
    encoding += ["-c:a", "pcm_s16le", "-movflags", "use_metadata_tags"]
    _run(asked, [*encoding, "-map", "0:V:0", "-map", "0:a:0?", "-f", "mov"], part, found, progress)


def _write_wav(asked: Export, found: Probe, part: Path, progress: OnProgress) -> None:
    _run(asked, ["-map", "0:a:0", "-c:a", "pcm_s16le", "-f", "wav"], part, found, progress)


def _write_gif(asked: Export, found: Probe, part: Path, progress: OnProgress) -> None:
    """Two passes, so that memory does not grow with the clip: its best 256 colours, then its frames in them."""
    palette = part.with_suffix(".png")
    try:
        for step, (fps, width) in enumerate(_GIF_STEPS):
            # The best that fits into the bytes is not known before: each try takes half of what is left.
            left = 0.5**step
            looking, writing = (_within(progress, 1 - left + left * at / 4, left / 4) for at in (0, 1))
            shown = f"fps={min(fps, found.fps):g},scale={min(width, found.width)}:-1:flags=lanczos"
            _run(
                asked,
                ["-map", "0:V:0", "-vf", f"{shown},palettegen=stats_mode=diff", "-update", "1"],
                palette,
                found,
                looking,
            )
            graph = f"[0:V:0]{shown}[frames];[frames][1:v]paletteuse=dither=sierra2_4a:diff_mode=rectangle"
            _run(asked, ["-i", f"file:{palette.absolute()}", "-lavfi", graph, "-f", "gif"], part, found, writing)
            if part.stat().st_size <= MAX_GIF_BYTES:
                return _comment_gif(part, _tags(asked.source))
    finally:
        palette.unlink(missing_ok=True)
    size = f"{MAX_GIF_BYTES // 10**6} MB"
    raise BadInput(f"A GIF of it would be larger than {size}.", "Name a span of a few seconds, or choose webm.")


def _write_png(asked: Export, found: Probe, part: Path, progress: OnProgress) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    at_s = asked.at_s if asked.at_s is not None else sum(asked.span_s or (0.0, found.duration_s)) / 2
    [(_, frame)] = read_frames(asked.source, [at_s])
    text = PngInfo()
    for key, value in _tags(asked.source).items():
        text.add_itxt(key.title(), value)
    Image.fromarray(frame).save(part, "PNG", pnginfo=text)


_WRITERS: dict[ExportFormat, Callable[[Export, Probe, Path, OnProgress], None]] = {
    "mp4": _write_mp4,
    "webm": _write_webm,
    "gif": _write_gif,
    "prores": _write_prores,
    "png": _write_png,
    "wav": _write_wav,
}


def _within(progress: OnProgress, start: float, share: float) -> OnProgress:
    return lambda done: progress(start + done * share)


def _run(asked: Export, output: list[str], part: Path, found: Probe, progress: OnProgress) -> None:
    start_s, end_s = asked.span_s or (0.0, found.duration_s)
    span = [] if asked.span_s is None else ["-ss", f"{start_s:.6f}", "-t", f"{end_s - start_s:.6f}"]
    args = [*span, *input_args(asked.source), *output, "-map_metadata", "0", "-y", f"file:{part.absolute()}"]
    with FFmpeg(["-nostats", "-progress", "pipe:1", *args], pipe_out=True) as ffmpeg:
        share = 0.0
        with ffmpeg.within(_LIMIT_S):
            for line in ffmpeg.stdout:
                if (written := _WRITTEN.match(line)) is not None:
                    share = min(1.0, int(written[1]) / 1e6 / (end_s - start_s))
                if line.startswith(b"progress="):  # ends each report, also one that knows no time yet
                    progress(share)
        ffmpeg.finish(_LIMIT_S)


def _tags(source: Path) -> dict[str, str]:
    """Title, artist and comment of the file, for the formats into which ffmpeg does not carry them."""
    with FFmpeg([*input_args(source), "-f", "ffmetadata", "pipe:1"], pipe_out=True) as ffmpeg, ffmpeg.within(60.0):
        text = ffmpeg.stdout.read(_MAX_TAG_BYTES).decode(errors="replace")
    lines = re.split(r"(?<!\\)\n", text.partition("\n[")[0])
    tags = dict(re.split(r"(?<!\\)=", line, maxsplit=1) for line in lines if re.match(r"(title|artist|comment)=", line))
    return {key: re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL) for key, value in tags.items()}


def _comment_gif(path: Path, tags: Mapping[str, str]) -> None:
    """GIF's own place for words, a comment block before the trailer, which ffmpeg does not write."""
    words = "; ".join(tags.values()).encode("ascii", "replace")
    if not words:
        return
    blocks = b"".join(bytes([len(words[at : at + 255])]) + words[at : at + 255] for at in range(0, len(words), 255))
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x21\xfe" + blocks + b"\x00\x3b")
