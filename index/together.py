"""Running two things at once: the legs of a search need not wait for each other."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

One = TypeVar("One")
Other = TypeVar("Other")


async def both(one: Callable[[], Awaitable[One]], other: Callable[[], Awaitable[Other]]) -> tuple[One, Other]:
    """The results of both. The first error ends the other and is raised as it is, not in a group."""
    found: list[Other] = []

    async def run() -> None:
        found.append(await other())

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            first = await one()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return first, found[0]
