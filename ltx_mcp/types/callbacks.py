"""What long work calls while it runs."""

from collections.abc import Callable

Check = Callable[[], None]
"""Raises `Cancelled` if the work should stop, else returns. Cheap: called at every block, tile and frame."""

BytesProgress = Callable[[int, int], None]
"""Told the bytes done and in all."""
