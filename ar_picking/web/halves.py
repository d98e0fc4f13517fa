"""The two halves of a connection, one for each way: when one ends, so does the other."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_Ending = TypeVar("_Ending")


async def until_one_ends(*halves: Coroutine[Any, Any, _Ending]) -> _Ending:
    """Run coroutines together; returns what the first one to end returned, or raises what it raised.

    The others are cancelled, and have ended when this returns.
    """
    tasks = {asyncio.create_task(half) for half in halves}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(iter(done)).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
