"""This worker's seat in the deal: renewed while it lives, given up when it stops.

A lease is worth `lease_s` from the moment before its renewal was sent; the others wait longer than that
after they saw it, so two workers never both believe to have it unless a clock stops. Should one do so
all the same, its next commit is refused (gateway.stream.partlog).
"""

import asyncio
import logging
import random
import secrets
from collections.abc import Awaitable, Callable

from gateway.errors import GatewayError
from gateway.stream import deal as table
from gateway.stream.cluster import Bucket, NotNow, Refused
from gateway.stream.deal import Deal, Member, Watch, boot_s

_KEY = "deal"
_RETRY_S = 0.25
_TIDY_TURNS = 200

log = logging.getLogger(__name__)


class Lease:
    """Holds groups for the worker `me`.

    on_groups(groups): awaited in the loop after each change of what it has; it returns when the groups
    that are not in it any more are cleared, and does not wait for new ones. Figures: `renewals`,
    `lapses` how often it found itself struck off, `taken` groups taken over.
    """

    def __init__(
        self,
        bucket: Bucket,
        me: str,
        url: str,
        keys: str,
        groups: list[str],
        lease_s: float,
        on_groups: Callable[[set[str]], Awaitable[None]],
    ):
        self._bucket = bucket
        self._me = me
        self._url = url
        self._keys = keys
        self._groups = groups
        self._lease_s = lease_s
        self._on_groups = on_groups
        self._watch = Watch(lease_s)
        self._until_s = 0.0
        self._beat = random.getrandbits(32)  # another than before a restart, should that be quick
        self._run = secrets.token_hex(8)
        self._is_ending = False
        self._is_member = False
        self.mine: set[str] = set()
        self.members: dict[str, Member] = {}
        self.renewals = 0
        self.lapses = 0
        self.taken = 0

    @property
    def stands(self) -> bool:
        """True while nobody else can have taken what is ours."""
        return boot_s() < self._until_s

    async def run(self) -> None:
        """Renew for ever: six times in a lease, and more often while it does not work."""
        while not self._is_ending:
            try:
                is_done = await self.turn()
            except (NotNow, Refused, KeyError) as fault:
                log.debug("the lease was not renewed: %s", fault)
                is_done = False
            await asyncio.sleep(
                random.uniform(0.8, 1.0) * self._lease_s / 6 if is_done else _RETRY_S
            )

    async def turn(self) -> bool:
        """One round; True when the record is as we wrote it. NotNow, Refused, GatewayError."""
        begun_s = boot_s()
        deal, revision = await self._read()
        self._check_keys(deal)
        for name in self._watch.gone(deal, self._me, boot_s()):
            log.warning(
                "worker %s is gone; free: %s", name, ", ".join(deal.workers[name].groups) or "none"
            )
            del deal.workers[name]
        if self._is_member and self._me not in deal.workers:
            self.lapses += 1
            self._is_member, self._until_s = False, 0.0
            log.warning("this worker was not heard for too long, others have its parts")
            await self._have(set())
        if self._is_member and deal.workers[self._me].run != self._run:
            raise GatewayError(
                f"another worker runs with the [site] id '{self._me}': give each its own"
            )
        before = set(deal.workers[self._me].groups) if self._me in deal.workers else set()
        member = deal.workers.setdefault(self._me, Member())
        if not self._is_member:
            member.groups = []  # of a run before this one: its parts are not here
        self._beat += 1
        member.beat, member.run, member.url = self._beat, self._run, self._url
        wanted = table.take(deal, self._me, self._groups)
        surplus = self.mine - wanted
        if surplus:
            # Cleared before anybody may take it: what is queued is committed, then it is given up.
            await self._have(self.mine & wanted)
            if not self.stands:
                return False
        try:
            await self._bucket.put(_KEY, table.write(deal), revision)
        except Refused as fault:
            if not fault.is_stale:
                raise
            return False
        self.renewals += 1
        self._is_member = True
        self._until_s = begun_s + self._lease_s
        self.members = deal.workers
        self.taken += len(wanted - before)
        if wanted != self.mine:
            await self._have(wanted)
        if self.renewals % _TIDY_TURNS == 0:
            await self._bucket.tidy(_KEY)
        return True

    async def _have(self, groups: set[str]) -> None:
        self.mine = set(groups)
        await self._on_groups(self.mine)

    async def _read(self) -> tuple[Deal, int]:
        data, revision = await self._bucket.get(_KEY)
        try:
            return table.read(data), revision
        except ValueError as fault:
            raise Refused(str(fault)) from fault

    def _check_keys(self, deal: Deal) -> None:
        if not deal.keys:
            deal.keys = self._keys
        if deal.keys != self._keys:
            raise GatewayError(
                "keys.json differs from the one of this city's other workers: copy it from one of "
                "them (feed ids and pseudonyms depend on it)"
            )

    async def end(self) -> None:
        """Give everything up; what cannot be told is found out after lease_s."""
        self._is_ending = True
        await self._have(set())
        for _ in range(5):
            try:
                deal, revision = await self._read()
                if deal.workers.pop(self._me, None) is None:
                    return
                await self._bucket.put(_KEY, table.write(deal), revision)
                return
            except (NotNow, Refused, KeyError):
                await asyncio.sleep(_RETRY_S)
