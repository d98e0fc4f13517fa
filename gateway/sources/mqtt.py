"""What comes from the devices' broker: each message by its topic to its job, or refused at the door.

A message that is larger than its kind may be, or that goes nowhere, never enters the queue. A message
is released at the broker after the commit that holds it; while nothing can be committed the queue
fills, nothing more is read, and what may be lost (QoS 0: positions of right now) is lost first.
"""

import logging
from functools import lru_cache

from gateway.frames.pipeline import Pipeline, now_ms
from gateway.link import Message
from gateway.log.engine import Engine
from gateway.log.jobs import Job
from gateway.orders.desk import Desk
from gateway.orders.intake import BODY_MAX_BYTES
from gateway.site.admission import Admission
from protocols.messages import FRAME_MAX_BYTES
from protocols.topics import parse_device_topic, parse_intake_topic, part_of

# 'online', 'offline'.
_PRESENCE_MAX_BYTES = 16
_TOPIC_MAX_BYTES = 1_024
# The largest message that any of our topics takes, with room for its head.
PACKET_MAX_BYTES = BODY_MAX_BYTES + _TOPIC_MAX_BYTES

log = logging.getLogger(__name__)


class Source:
    """Hands messages on. Counts, in the pipeline's counters: frames_oversize, presence_malformed,
    intake_refused, intake_cleared, topics_refused, qos0_dropped, and what `admission` refuses."""

    def __init__(
        self,
        pipeline: Pipeline,
        desk: Desk,
        committer: Engine,
        admission: Admission | None = None,
    ):
        self._admission = admission
        self._pipeline = pipeline
        self._desk = desk
        self._committer = committer
        self._counters = pipeline.counters

    def take(self, message: Message) -> None:
        """Take one message, in the link's thread; blocks while the queue is full."""
        why, job = self._job(message)
        if job is None:
            self._counters[why] += 1
            message.ack()
            return
        if message.qos == 0 and self._committer.half_full:
            self._counters["qos0_dropped"] += 1
            return
        size = len(message.payload) + len(message.topic)
        place = _place(message.topic)
        self._committer.submit(job, size, message.ack, place[3] if place else "")

    def _job(self, message: Message) -> tuple[str, Job | None]:
        """Return ('', job) or (the counter of what is wrong, None)."""
        payload, size = message.payload, len(message.payload)
        received_ms = now_ms()
        place = _place(message.topic)
        if place is not None:
            kind, device, leaf, _ = place
            if leaf not in ("up", "presence"):
                return (
                    "topics_refused",
                    None,
                )  # ours to write; a forged one is no word of a device's
            if self._admission is not None and (why := self._admission.refused(kind, device)):
                return why, None
            is_frame = leaf == "up"
            if size > (FRAME_MAX_BYTES if is_frame else _PRESENCE_MAX_BYTES):
                return "frames_oversize" if is_frame else "presence_malformed", None
            handle = self._pipeline.frame if is_frame else self._pipeline.presence
            return "", lambda store: handle(store, kind, device, payload, received_ms)
        intake = parse_intake_topic(message.topic)
        if intake is None:
            return "topics_refused", None
        if not payload:
            return "intake_cleared", None  # how a sender takes a kept message back from its broker
        if size > BODY_MAX_BYTES:
            log.warning("%s from MQTT refused: %d bytes", intake[0], size)
            return "intake_refused", None
        return "", self._intake(intake[0], payload, received_ms, message.retained)

    def _intake(self, what: str, payload: bytes, received_ms: int, retained: bool) -> Job:
        def refused(why: str) -> None:
            self._counters["intake_refused"] += 1
            log.warning("%s from MQTT refused: %s", what, why)

        job, _ = self._desk.job(what, payload, received_ms, retained, refused)
        return job


@lru_cache(maxsize=20_000)  # a city's devices speak again and again under the same topics
def _place(topic: str) -> tuple[str, str, str, str] | None:
    """Return (kind, device, leaf, part) of a device's topic, None for any other."""
    place = parse_device_topic(topic)
    return None if place is None else (*place, part_of(place[1]))
