"""One ffmpeg process: an argument list and no shell, every wait bounded, its error output kept, never a zombie.

It runs as a process of its own so that a hostile file can crash a decoder and not the server.
"""

import re
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import IO

from ltx_mcp.errors import MediaError
from ltx_mcp.media.watchdog import Watchdog

# Demuxers that only read the file they are given. Without this list a text file named .mp4 may be a concat
# script that reads other files; the protocol list alone does not stop that.
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,mpegts,mpeg,asf,flv,ogg"
AUDIO_CONTAINERS = f"{CONTAINERS},mp3,wav,w64,flac,aiff,aac,caf"
MAX_PIXELS = 8192 * 4320  # of one frame; larger is refused before its memory is allocated
MAX_STREAMS = 32  # a film with every dubbing and subtitle has fewer; each stream costs a decoder
_MAX_ALLOC_BYTES = 512 * 2**20  # in one piece: twice a frame of MAX_PIXELS at 16 bits, and no declared gigabyte
_LINES_KEPT = 3  # of stderr, at each end: the cause tends to come first, the consequence last
_MAX_LINE_BYTES = 65_536  # of stderr: what a file calls itself may be as long as it likes
_SOURCE = re.compile(r"^(\[[^]]* @ 0x[0-9a-f]+\] *)+")  # "[h264 @ 0x55b7...]", an address that helps nobody
_LEVEL = re.compile(r"^\[(info|verbose|warning|error|fatal|panic)\] ?(.*)", re.DOTALL)


def input_args(path: Path, containers: str = CONTAINERS) -> list[str]:
    """Arguments that open a file which may be hostile; options for this input go before them."""
    # "file:" keeps a colon in the name from being read as a protocol.
    return [
        *("-protocol_whitelist", "file,pipe", "-format_whitelist", containers),
        *("-max_pixels", str(MAX_PIXELS), "-max_streams", str(MAX_STREAMS), "-max_alloc", str(_MAX_ALLOC_BYTES)),
        *("-i", f"file:{path.absolute()}"),
    ]


class FFmpeg:
    """A running ffmpeg; a context manager that leaves no process and no thread behind.

    `pipe_in` opens `stdin`, `pipe_out` opens `stdout`; it inherits the file descriptors `pass_fds`. A thread drains
    stderr, so that a full pipe can't stop it; with `on_info` that thread hands over what ffmpeg says of files and
    frames, line by line. Raises MediaError when it cannot be started.
    """

    def __init__(
        self,
        args: Sequence[str],
        *,
        pipe_in: bool = False,
        pipe_out: bool = False,
        pass_fds: Sequence[int] = (),
        on_info: Callable[[str], None] | None = None,
    ) -> None:
        self._on_info = on_info
        level = "error" if on_info is None else "level+info"
        try:
            self._process = subprocess.Popen(
                [executable(), "-hide_banner", "-nostdin", "-nostats", "-loglevel", level, *args],
                stdin=subprocess.PIPE if pipe_in else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe_out else subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=pass_fds,
                start_new_session=True,  # Ctrl-C is for us; we end ffmpeg ourselves
            )
        except (OSError, ValueError) as error:
            raise MediaError(f"ffmpeg cannot be started: {error}.") from error
        self._first: list[str] = []
        self._last: deque[str] = deque(maxlen=_LINES_KEPT)
        self._expired_after_s: float | None = None
        self._watchdog = Watchdog(self._expire)
        self._drain = Thread(target=self._keep_errors, name="ffmpeg-stderr", daemon=True)
        self._drain.start()

    @property
    def stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None, "made without pipe_in"
        return self._process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None, "made without pipe_out"
        return self._process.stdout

    def within(self, limit_s: float) -> AbstractContextManager[None]:
        """Kill ffmpeg if the block takes longer, which ends any wait on its pipes."""
        return self._watchdog.within(limit_s)

    def finish(self, limit_s: float) -> None:
        """Wait until it has ended by itself. Raises MediaError with its error output if it failed."""
        with self.within(limit_s):
            code = self._process.wait()
        self._drain.join()
        if self._expired_after_s is not None:
            raise MediaError(f"ffmpeg was stopped: no progress within {self._expired_after_s:g} s.")
        if code:
            raise MediaError(f"ffmpeg failed: {' | '.join([*self._first, *self._last]) or f'exit status {code}'}")

    def _keep_errors(self) -> None:
        assert self._process.stderr is not None
        stderr = self._process.stderr
        for line in iter(lambda: stderr.readline(_MAX_LINE_BYTES), b""):
            text = _SOURCE.sub("", line.decode(errors="replace").rstrip())
            if self._on_info is not None:
                said = _LEVEL.match(text)
                if said is None or said[1] in ("info", "verbose", "warning"):
                    if said is not None and said[1] == "info":
                        self._on_info(said[2])
                    continue
                text = said[2]
            if text := text.strip():
                kept = self._first if len(self._first) < _LINES_KEPT else self._last
                kept.append(text[:300])

    def _expire(self, limit_s: float) -> None:
        self._expired_after_s = limit_s
        self._process.kill()

    def __enter__(self) -> "FFmpeg":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()  # does nothing to a process that has ended
        self._process.wait()
        self._watchdog.close()
        self._drain.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(OSError):  # unwritten bytes for a process that is gone
                    pipe.close()


def executable() -> str:
    """The path of the ffmpeg binary. Raises MediaError where there is none."""
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        hint = "Reinstall imageio-ffmpeg, or name a binary in IMAGEIO_FFMPEG_EXE."
        raise MediaError("ffmpeg was not found on this machine.", hint) from error
