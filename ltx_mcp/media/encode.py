"""Writes a clip: frames in, one MP4 out, as the frames come. Memory does not grow with the clip's length."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.errors import MediaError
from ltx_mcp.media.audio import SAMPLE_RATE
from ltx_mcp.media.colour import TO_BT709
from ltx_mcp.media.ffmpeg import FFmpeg
from ltx_mcp.types.codecs import Codec
from ltx_mcp.types.frames import Audio, Frame

_FRAME_LIMIT_S = 120.0  # one 4K frame takes x265 seconds on two cores; longer means that it hangs
_PIECE_SAMPLES = 2**16  # of raw audio, read or written at a time
_FINISH_LIMIT_S = 600.0  # the encoder's look-ahead, then `faststart` copies the file once

# CRF 20 for x264 and 22 for x265: visually clean, and `medium` is both encoders' own default. A CRF alone lets
# noise, which cannot be predicted, take 4 bits a pixel (measured: 10 Mbit/s at 240p). The cap, in bits a pixel, is
# well above what real footage tends to need at these qualities, so it bites on noise; two seconds of buffer let
# a cut through.
_QUALITY: dict[Codec, tuple[str, ...]] = {
    # sliced threads: with frame threads and a cap, x264 makes other bytes of the same frames each time
    "h264": ("-c:v", "libx264", "-preset", "medium", "-crf", "20", "-x264-params", "sliced-threads=1:scenecut=0"),
    "hevc": (
        *("-c:v", "libx265", "-preset", "medium", "-crf", "22"),
        *("-x265-params", "log-level=error:scenecut=0:open-gop=0"),
    ),
}
_TAG: dict[Codec, tuple[str, ...]] = {"h264": (), "hevc": ("-tag:v", "hvc1")}  # or Apple's players do not open HEVC
_CAP_BITS_PER_PIXEL: dict[Codec, float] = {"h264": 0.6, "hevc": 0.3}
_CAP_FLOOR = 500_000  # bit/s: tiny frames spend more bits on each pixel
_KEYFRAME_EVERY_S = 2.0
"""Players seek to moments in these files; x264 alone would set a key frame every ten seconds. They stand at the same
frames in every clip of a rate, none at scene cuts, and no frame refers across one: splice.py cuts and joins there."""


Track = Callable[[int], tuple[list[str], list[str]]]
"""ffmpeg's (input, output) arguments for a track whose input has this number."""


class VideoWriter:
    """A context manager that writes exactly `frames` frames of (height, width, 3) uint8 RGB to an MP4.

    `audio` is (1 or 2 channels, samples) at `sample_rate` Hz; it is trimmed, or padded with silence, to the video's
    length, to the sample. What is not known before the last frame is given to `add_audio` or `add_audio_file`.
    Raises MediaError for a wrong frame, a wrong count, or a dead ffmpeg. Left by any exception, or failed, it leaves
    no file.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        fps: float,
        frames: int,
        *,
        codec: Codec = "h264",
        audio: Audio | None = None,
        sample_rate: int = SAMPLE_RATE,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        _check_video(width, height, fps, frames)
        if audio is not None:
            _check_audio(audio, sample_rate)
        self._path, self._shape, self._fps, self._frames = path, (height, width, 3), fps, frames
        self._codec: Codec = codec
        self._audio, self._sample_rate, self._channels = audio, sample_rate, 0
        self._metadata = metadata or {}
        self._raw_audio = path.with_name(f"{path.name}.f32")
        self._joined = path.with_name(f"{path.name}.joined")
        self._written = 0
        self._track: Track | None = None

    def __enter__(self) -> "VideoWriter":
        try:
            if self._audio is not None:
                self.add_audio(self._audio, self._sample_rate)
            self._ffmpeg = FFmpeg(self._args(), pipe_in=True)
        except BaseException:
            self._raw_audio.unlink(missing_ok=True)
            raise
        return self

    def write(self, frame: Frame) -> None:
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise MediaError(f"A frame is {frame.shape} {frame.dtype} where {self._shape} uint8 was promised.")
        if self._written == self._frames:
            raise MediaError(f"More than the promised {self._frames} frames came.")
        try:
            with self._ffmpeg.within(_FRAME_LIMIT_S):
                self._ffmpeg.stdin.write(np.ascontiguousarray(frame).data)
        except OSError as error:
            self._explain(error)
        self._written += 1

    def add_audio(self, audio: Audio, sample_rate: int = SAMPLE_RATE) -> None:
        """Give the audio, in place of any given before. Raises MediaError."""
        _check_audio(audio, sample_rate)
        self._store_audio([audio.T], sample_rate, len(audio))

    def add_audio_file(self, path: Path, sample_rate: int = SAMPLE_RATE, channels: int = 2) -> None:
        """The same from a file of raw, interleaved, little-endian float32 samples, in constant memory.

        For audio that is too long to be held. Raises MediaError.
        """
        if channels not in (1, 2) or sample_rate <= 0:
            raise MediaError(f"{path.name} has {channels} channels at {sample_rate} Hz where 1 or 2 were promised.")
        self._store_audio(_read_samples(path, channels), sample_rate, channels)

    def add_track(self, track: Track) -> None:
        """Give one more track, such as soft subtitles. It is put into the file as `track` says."""
        self._track = track

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        finished = False
        try:
            with self._ffmpeg:
                if kind is None:
                    self._finish()
                    self._join_audio()
                    finished = True
        finally:
            self._raw_audio.unlink(missing_ok=True)
            self._joined.unlink(missing_ok=True)
            if not finished:
                self._path.unlink(missing_ok=True)

    def _finish(self) -> None:
        if self._written != self._frames:
            raise MediaError(f"{self._written} frames came where {self._frames} were promised.")
        with suppress(OSError), self._ffmpeg.within(_FRAME_LIMIT_S):  # finish() says why a pipe broke
            self._ffmpeg.stdin.close()
        self._ffmpeg.finish(_FINISH_LIMIT_S)

    def _store_audio(self, pieces: Iterable[NDArray[np.float32]], sample_rate: int, channels: int) -> None:
        self._channels = 0  # no audio until it is stored whole
        _write_samples(self._raw_audio, pieces, round(self._frames * sample_rate / self._fps), channels)
        self._sample_rate, self._channels = sample_rate, channels

    def _join_audio(self) -> None:
        """Only once the frames are written, because the last audio of chained shots comes after their last frame."""
        if not self._channels and self._track is None:
            return
        with FFmpeg(self._joining_args()) as ffmpeg:
            ffmpeg.finish(_FINISH_LIMIT_S)
        self._joined.replace(self._path)

    def _explain(self, error: OSError) -> None:
        """The pipe broke, so ffmpeg is ending: its error output is the reason."""
        self._ffmpeg.finish(_FRAME_LIMIT_S)
        raise MediaError(f"ffmpeg stopped reading frames: {error}.") from error

    def _args(self) -> list[str]:
        height, width, _ = self._shape
        rate = str(Fraction(self._fps).limit_denominator(1001))  # 29.97 is 30000/1001
        cap = max(_CAP_FLOOR, round(width * height * self._fps * _CAP_BITS_PER_PIXEL[self._codec]))
        return [
            *("-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{width}x{height}", "-framerate", rate),
            *("-i", "pipe:0", "-vf", TO_BT709, "-fps_mode", "passthrough", *_QUALITY[self._codec]),
            *("-maxrate", str(cap), "-bufsize", str(2 * cap), "-g", str(math.ceil(_KEYFRAME_EVERY_S * self._fps))),
            *self._file_args(self._path),
        ]

    def _joining_args(self) -> list[str]:
        """Arguments that put the video as it is, the encoded audio and a further track into one file."""
        inputs, outputs = ["-i", f"file:{self._path.absolute()}"], ["-map", "0:v", "-c:v", "copy"]
        if self._channels:
            layout = "mono" if self._channels == 1 else "stereo"
            inputs += ["-f", "f32le", "-ar", str(self._sample_rate), "-ch_layout", layout]
            inputs += ["-i", f"file:{self._raw_audio.absolute()}"]
            outputs += ["-map", "1:a", "-c:a", "aac", "-b:a", "192k", "-ar", str(SAMPLE_RATE), "-ac", "2"]
        if self._track is not None:
            opened, mapped = self._track(2 if self._channels else 1)
            inputs, outputs = [*inputs, *opened], [*outputs, *mapped]
        return [*inputs, *outputs, *self._file_args(self._joined)]

    def _file_args(self, path: Path) -> list[str]:
        tags = [*_TAG[self._codec], *_metadata_args(self._metadata)]
        return [*tags, "-movflags", "+faststart", "-f", "mp4", "-y", f"file:{path.absolute()}"]


def _check_video(width: int, height: int, fps: float, frames: int) -> None:
    if min(width, height) < 2 or width % 2 or height % 2:
        raise MediaError(f"{width}x{height} cannot be encoded: both sides must be even (4:2:0 colour).")
    if not math.isfinite(fps) or fps <= 0 or frames < 1:
        raise MediaError(f"A clip of {frames} frames at {fps} fps cannot be encoded.")


def _check_audio(audio: Audio, sample_rate: int) -> None:
    if audio.ndim != 2 or len(audio) not in (1, 2) or audio.dtype != np.float32 or sample_rate <= 0:
        raise MediaError(f"Audio is {audio.shape} {audio.dtype} where (1 or 2, samples) float32 was promised.")
    _check_finite(audio)


def _check_finite(samples: NDArray[np.float32]) -> None:
    if not np.isfinite(samples).all():
        raise MediaError("The audio holds values that are not numbers.", "Try another seed, or audio=false.")


def _read_samples(path: Path, channels: int) -> Iterator[NDArray[np.float32]]:
    """(samples, channels) at a time."""
    with path.open("rb") as file:
        while raw := file.read(_PIECE_SAMPLES * channels * 4):
            if len(raw) % (channels * 4):
                raise MediaError(f"{path.name} ends within a sample: it is not float32 of {channels} channels.")
            piece = np.frombuffer(raw, dtype="<f4").reshape(-1, channels)
            _check_finite(piece)
            yield piece


def _write_samples(path: Path, pieces: Iterable[NDArray[np.float32]], samples: int, channels: int) -> None:
    """Exactly `samples` samples, interleaved, little-endian float32: trimmed or followed by silence."""
    try:
        with path.open("wb") as file:
            for piece in pieces:
                kept = piece[:samples]
                file.write(np.clip(kept, -1.0, 1.0).astype("<f4").tobytes())
                samples -= len(kept)
                if not samples:
                    break
            for start in range(0, samples, _PIECE_SAMPLES):
                file.write(bytes(min(_PIECE_SAMPLES, samples - start) * channels * 4))
    except OSError as error:
        raise MediaError(f"The audio could not be stored: {error}.") from error


def _metadata_args(metadata: Mapping[str, str]) -> list[str]:
    """Tags without control characters, which neither an argument list nor a player takes."""
    plain = {key: re.sub(r"[\x00-\x1f\x7f]+", " ", value) for key, value in metadata.items()}
    return [arg for key, value in plain.items() for arg in ("-metadata", f"{key}={value}")]
