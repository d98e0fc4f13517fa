"""What a worker does every few seconds: a round of each part, and the keys of the months to come."""

import asyncio
import logging
from collections.abc import Callable

from gateway.errors import GatewayError
from gateway.feed.stats import Stats
from gateway.frames.pipeline import now_ms
from gateway.log.jobs import Effect, Job
from gateway.log.store import Store
from gateway.stream.cluster import Bucket, NotNow, Refused
from gateway.stream.desks import PartDesk
from gateway.stream.engine import StreamEngine
from gateway.stream.keys import SharedIdentity

_EVERY_S = 5.0

log = logging.getLogger(__name__)


class Housekeeping:
    """probe(): begins to time a commit. stats: told by one of the parts, for the whole worker."""

    def __init__(
        self,
        engine: StreamEngine,
        desks: dict[str, PartDesk],
        identity: SharedIdentity,
        deal: Bucket,
        stats: Stats,
        probe: Callable[[], Effect],
    ):
        self._engine = engine
        self._desks = desks
        self._identity = identity
        self._deal = deal
        self._stats = stats
        self._probe = probe

    async def run(self) -> None:
        """Go round for ever, in the parts' loop."""
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self._identity.agree(self._deal, now_ms())
            except (NotNow, Refused, GatewayError) as fault:
                log.warning("the keys of the workers: %s", fault)
            for at, (name, desk) in enumerate(sorted(self._desks.items())):
                self._engine.offer(self._round(desk, at == 0), 0, name)

    def _round(self, desk: PartDesk, is_first: bool) -> Job:
        def job(store: Store) -> list[Effect]:
            at_ms = now_ms()
            effects = [self._probe(), *desk.keep_house(store, at_ms)]
            return effects + self._stats.step(store, at_ms) if is_first else effects

        return job
