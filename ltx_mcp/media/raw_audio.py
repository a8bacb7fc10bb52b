"""Raw audio files, of which a mix is made: stereo at 48 kHz, interleaved little-endian float32, no header.

A sample's place in the file is its place in time, so pieces are put where they belong by writing there. What was never
written is silence, and takes no room on the disk. Nothing here grows with the length of the audio.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from ltx_mcp.errors import MediaError
from ltx_mcp.media.audio import SAMPLE_RATE
from ltx_mcp.media.decoding import open_at, same_clock
from ltx_mcp.media.ffmpeg import AUDIO_CONTAINERS, FFmpeg, input_args
from ltx_mcp.media.framecrc import AUDIO_HINT
from ltx_mcp.media.source import Source
from ltx_mcp.types.callbacks import Check

SAMPLE_BYTES = 8  # two channels of float32
_PIECE_BYTES = 2**16 * SAMPLE_BYTES  # 1.4 s
_STALL_S = 120.0  # for any one piece; longer means a file made to stall us
_LIMIT = 4.0  # +12 dBFS: float files and a mix of six channels go over 1, but nothing needs more

_HARD_S = 0.015  # audio that is this far from its time is filled with silence or cut: before it is heard as late


def to_stereo(sample_rate: int = SAMPLE_RATE) -> list[str]:
    """Filters that bring audio of any layout and rate to stereo, as loud as it was, each sample at its time."""
    return [
        # Audio that begins late, or pauses, keeps its times: silence fills them.
        f"aresample={sample_rate}:async=1:min_hard_comp={_HARD_S}:first_pts=0",
        # ffmpeg's matrix (ITU-R BS.775) for more than two channels; it would make mono 3 dB quieter, so that is copied
        # to both sides as it is. `pan` leaves out the channels that are not there.
        "aformat=sample_fmts=fltp:channel_layouts=mono|stereo",
        "pan=stereo|FL=FL+FC|FR=FR+FC",
    ]


class RawAudio:
    """A file of `samples` samples, silent until something is written."""

    def __init__(self, path: Path, samples: int) -> None:
        self.path, self.samples = path, samples
        with _storing(), path.open("wb") as file:
            file.truncate(samples * SAMPLE_BYTES)

    def write(self, at: int, pieces: Generator[bytes]) -> int:
        """Put pieces of whole samples at sample `at`, without what is beyond the end. Returns how many samples came.

        Raises MediaError.
        """
        end = self.samples * SAMPLE_BYTES
        with closing(pieces), _storing(), self.path.open("r+b") as file:
            file.seek(at * SAMPLE_BYTES)
            for piece in pieces:
                file.write(piece[: end - file.tell()])
            return file.tell() // SAMPLE_BYTES - at

    def cut(self, samples: int) -> None:
        """Make it this short."""
        with _storing(), self.path.open("r+b") as file:
            file.truncate(samples * SAMPLE_BYTES)
        self.samples = samples


def raw_args(path: Path) -> list[str]:
    """Arguments that open a raw audio file of ours."""
    return ["-f", "f32le", "-ar", str(SAMPLE_RATE), "-ch_layout", "stereo", "-i", f"file:{path.absolute()}"]


def decode(path: Path, start_s: float, length_s: float, filters: Sequence[str], check: Check) -> Generator[bytes]:
    """The audio of an audio file that may be hostile, from `start_s` on, stereo at 48 kHz, through more filters.

    Values that are not numbers are silence; none is beyond +12 dBFS. Raises MediaError.
    """
    args = [
        *("-ss", f"{start_s:.6f}", "-t", f"{length_s:.6f}", *input_args(path, AUDIO_CONTAINERS)),
        *("-map", "0:a:0", "-af", ",".join((*to_stereo(), *filters))),
    ]
    return _numbers(run(args, check), path)


def decode_source(
    source: Source,
    start_s: float,
    length_s: float,
    check: Check,
    filters: Sequence[str] = (),
    sample_rate: int = SAMPLE_RATE,
) -> Generator[bytes]:
    """The audio of a video that has some, from `start_s` of the player's clock on: as `decode`, in constant memory."""
    assert source.audio is not None
    opened, lead_s = open_at(source, start_s, exact=True)
    cut = [f"asetpts=PTS-{lead_s}/TB"] if lead_s else []
    args = [
        *("-t", f"{length_s + lead_s:.6f}", *opened, "-map", f"0:{source.audio.index}"),
        *("-af", ",".join((*cut, *to_stereo(sample_rate), *filters))),
    ]
    return _numbers(run(args, check, after=same_clock(source)), source.path)


def _numbers(pieces: Generator[bytes], path: Path) -> Generator[bytes]:
    try:
        for piece in pieces:
            samples = np.frombuffer(piece, dtype="<f4")
            yield np.clip(np.nan_to_num(samples, nan=0.0), -_LIMIT, _LIMIT).tobytes()
    except MediaError as error:
        raise MediaError(f"The audio of {path.name} cannot be read. {error.message}", AUDIO_HINT) from error
    finally:
        pieces.close()


def run(args: Sequence[str], check: Check, after: Sequence[str] = ()) -> Generator[bytes]:
    """What ffmpeg writes as raw audio, piece by piece, `check` before each of them. Raises MediaError."""
    with FFmpeg([*args, "-f", "f32le", "pipe:1", *after], pipe_out=True) as ffmpeg:
        while True:
            check()
            with ffmpeg.within(_STALL_S):
                piece = ffmpeg.stdout.read(_PIECE_BYTES)
            if not piece:
                break
            yield piece
        ffmpeg.finish(_STALL_S)


@contextmanager
def _storing() -> Iterator[None]:
    """Errors of the disk as MediaError."""
    try:
        yield
    except OSError as error:
        raise MediaError(f"The audio could not be stored: {error}.", "Free some disk space.") from error
