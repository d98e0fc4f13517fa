"""Work that takes long, in a thread: the loop of the parts goes on, and with it the lease."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """Return what work() does, run in a thread.

    Who is cancelled meanwhile is so when the thread is through: what it works on may be closed then.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen: nobody else wants to know
        raise
