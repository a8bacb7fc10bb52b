"""Going on in a fresh process that takes the place of this one: for an error that nothing else gets rid of.

The program is started again in the same process, which keeps its number, its client's pipes, the lock of the engine and
the socket that it listens on. All else ends with the old one: its threads, its memory, and what it held of the device.
What the next needs lies in an unnamed file, whose descriptor an environment variable names.
"""

import logging
import os
import sys
import tempfile
from typing import NoReturn

from pydantic import BaseModel, ConfigDict

log = logging.getLogger(__name__)

CAN_REPLACE = sys.platform != "win32"  # there exec starts another process and ends this one, which the host watches
_LEFT = "_LTX_MCP_LEFT"


class Left(BaseModel):
    """What a process leaves to the one in its place. `lock` and `listening` are file descriptors.

    Of the client's session, `opened` and `unanswered` are JSON-RPC messages as text, and `unread` is what has come
    after them.
    """

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    lock: int | None = None
    listening: int | None = None
    opened: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()
    unread: bytes = b""


NOTHING_LEFT = Left()


def left_by_the_one_before() -> Left:
    """What was left to this process; nothing where it was started as usual."""
    if (file := os.environ.pop(_LEFT, None)) is None:
        return NOTHING_LEFT
    with os.fdopen(int(file), "rb") as text:
        left = Left.model_validate_json(text.read())
    for inherited in (left.lock, left.listening):
        if inherited is not None:  # a child that had them too would hold the lock and the port after this process
            os.set_inheritable(inherited, False)
    return left


def replace_this_process(left: Left) -> NoReturn:
    """Start the program again as it was started, in the place of this process. Does not return."""
    log.warning("going on in a fresh process")
    with tempfile.TemporaryFile() as text:
        text.write(left.model_dump_json().encode())
        text.flush()
        text.seek(0)
        for file in (text.fileno(), left.lock, left.listening):
            if file is not None:
                os.set_inheritable(file, True)
        sys.stdout.flush()
        sys.stderr.flush()
        environment = os.environ | {_LEFT: str(text.fileno())}
        program = sys.executable
        os.execve(program, [program, *sys.orig_argv[1:]], environment)
