"""What the feed's stream holds beside what the devices had: lost, twice, out of order."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from gateway.feed.identity import Identity


@dataclass(slots=True)
class Verdict:
    """messages: in the stream, of devices' records; orders: that the stream tells of, and how often;
    the rest should be 0."""

    records: int = 0
    messages: int = 0
    all_messages: int = 0
    lost: int = 0
    twice: int = 0
    out_of_order: int = 0
    unacked: int = 0
    orders: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """True when nothing is wrong."""
        return not (self.lost or self.twice or self.out_of_order or self.unacked)


async def _read(servers: list[str], stream: str, expected: int, timeout_s: float) -> list[bytes]:
    client = await nats.connect([f"nats://{each}" for each in servers], connect_timeout=2)
    js = client.jetstream(timeout=5)
    found: list[bytes] = []
    deadline = time.monotonic() + timeout_s
    quiet_since = time.monotonic()
    try:
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE, inactive_threshold=60.0
        )
        reader = None
        while reader is None:
            try:
                reader = await js.pull_subscribe("o2o.v1.>", stream=stream, config=config)
            except (NatsError, TimeoutError):  # a leader is being elected
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.5)
        while time.monotonic() < deadline:
            try:
                batch = await reader.fetch(500, timeout=1.0)
            except (NatsError, TimeoutError):
                batch = []
            if batch:
                quiet_since = time.monotonic()
            found += [each.data for each in batch]
            # Repeats would come late: also when all is there, look for as long as they could take.
            if time.monotonic() - quiet_since > (2.0 if len(found) >= expected else 20.0):
                break
    finally:
        await client.close()
    return found


def check(account: dict[str, Any], servers: list[str], keys: Path, stream: str = "FEED") -> Verdict:
    """Read the stream with a consumer of our own and compare."""
    verdict = Verdict(records=account["records"])
    identity = Identity(keys, 8)
    wanted: dict[str, tuple[str, int, int]] = {}
    for device, rings in account["devices"].items():
        for log, last, acked in rings:
            verdict.unacked += last - acked
            for seq in range(1, last + 1):
                wanted[identity.record_id(device, log, seq)] = (device, log, seq)
    bodies = asyncio.run(_read(servers, stream, len(wanted), 180.0))
    seen: set[str] = set()
    newest: dict[tuple[str, int], int] = {}
    for payload in bodies:
        body = json.loads(payload)
        if body["id"] in seen:
            verdict.twice += 1
            verdict.examples.append(f"twice: {payload[:200]!r}")
            continue
        seen.add(body["id"])
        if body["stream"] == "order":
            verdict.orders[body["order"]] += 1
        origin = wanted.get(body["id"])
        if origin is None:
            continue
        verdict.messages += 1
        device, log, seq = origin
        if seq <= newest.get((device, log), 0):
            verdict.out_of_order += 1
            verdict.examples.append(f"{device} {log}: {seq} behind {newest[(device, log)]}")
        newest[(device, log)] = max(seq, newest.get((device, log), 0))
    verdict.all_messages = len(bodies)
    missing = wanted.keys() - seen
    verdict.lost = len(missing)
    verdict.examples += [f"lost: {wanted[each]}" for each in list(missing)[:5]]
    return verdict
