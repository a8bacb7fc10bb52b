"""Audio in memory to a file, and how long the audio of a file is."""

from pathlib import Path

import numpy as np

from ltx_mcp.errors import MediaError
from ltx_mcp.media.ffmpeg import FFmpeg
from ltx_mcp.media.framecrc import list_audio
from ltx_mcp.types.frames import Audio

_LIMIT_S = 60.0


def write_wav(path: Path, audio: Audio, sample_rate: int) -> None:
    """A WAV of float32 samples from (channels, samples). Raises MediaError, and has then left no file."""
    if not np.isfinite(audio).all():
        raise MediaError("The audio holds values that are not numbers.")
    raw = ["-f", "f32le", "-ar", str(sample_rate), "-ac", str(len(audio)), "-i", "pipe:0"]
    try:
        with FFmpeg([*raw, "-c:a", "pcm_f32le", "-f", "wav", "-y", f"file:{path.absolute()}"], pipe_in=True) as ffmpeg:
            with ffmpeg.within(_LIMIT_S):
                ffmpeg.stdin.write(np.ascontiguousarray(audio.T, dtype="<f4").data)
                ffmpeg.stdin.close()
            ffmpeg.finish(_LIMIT_S)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise MediaError(f"The audio could not be stored: {error}.", "Free some disk space.") from error
    except MediaError:
        path.unlink(missing_ok=True)
        raise


def audio_duration_s(path: Path) -> float:
    """Until when the first audio stream of an audio file or a video lasts. The file may be hostile.

    Raises MediaError where there is none, with what to use instead: playlists are not read.
    """
    return list_audio(path).end_s
