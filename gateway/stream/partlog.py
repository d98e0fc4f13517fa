"""One part's log in the stream: appended by one writer, read by whoever takes the part over.

Each message expects the sequence number of the one before it, so of two workers that both believe to
have a part one is refused (fenced) at its next commit. An image of the state stands in for everything
before it.
"""

import hashlib
import logging
import secrets
from collections import Counter
from dataclasses import dataclass

import msgspec
from nats.js.api import RawStreamMsg

from gateway.stream.cluster import Cluster, NotNow, Refused, call
from gateway.stream.names import Names

_EXPECT = "Nats-Expected-Last-Subject-Sequence"
_COMMIT = "O2o-Commit"
_CHUNK_BYTES = 512 * 1024
# What NATS takes in one message by default is 1 MiB, headers included.
MESSAGE_MAX_BYTES = 1_000_000

log = logging.getLogger(__name__)


class Fenced(Exception):  # noqa: N818
    """Somebody else has written to the part: it is not ours any more."""


class Head(msgspec.Struct, frozen=True):
    """Which image is the newest: its name, its pieces, the digest of the whole, and the last message
    of the log that is in it."""

    image: str
    chunks: int
    digest: str
    covers: int


@dataclass(slots=True)
class Found:
    """What a part is made of: an image (b'' for none) and the messages after it, oldest first."""

    image: bytes
    messages: list[bytes]


class PartLog:
    """The log of one part. `last` is the sequence number of its newest message, 0 for none.

    Counts in `figures`: commits_refused, because somebody else has written.
    """

    def __init__(self, cluster: Cluster, names: Names, part: str, figures: Counter[str]):
        self._cluster = cluster
        self._figures = figures
        self._names = names
        self._part = part
        self._subject = names.log(part)
        self._snap_revision = 0
        self.last = 0

    # -- writing ------------------------------------------------------------------------------------

    async def append(self, commit: str, body: bytes) -> None:
        """Store a message behind the last one. commit: a name that no other message has.

        Fenced when somebody else has written; NotNow when it is not known whether it was stored: then
        the same commit must be tried again before anything else (it is stored once).
        """
        headers = {_EXPECT: str(self.last), _COMMIT: commit}
        try:
            ack = await call(
                self._cluster.js.publish(
                    self._subject, body, stream=self._names.stream, headers=headers
                )
            )
        except KeyError as fault:
            raise NotNow(str(fault)) from fault
        except Refused as fault:
            if not fault.is_stale:
                # A full stream, a limit of the account: the operator's to mend, and it can be mended.
                raise NotNow(str(fault)) from fault
            self._figures["commits_refused"] += 1
            # An earlier try of the same commit may be what came between.
            newest = await self._newest(self._subject)
            if newest is None or (newest.headers or {}).get(_COMMIT) != commit:
                raise Fenced(self._part) from fault
            self._figures["commits_refused"] -= 1
            self.last = int(newest.seq or 0)
            return
        self.last = int(ack.seq)

    async def save(self, image: bytes) -> None:
        """Store an image that holds everything up to `last`, then forget what it stands in for.

        Fenced, NotNow, Refused: nothing is forgotten that the newest image does not hold.
        """
        js, part = self._cluster.js, self._part
        name = f"{self.last:020d}-{secrets.token_hex(4)}"
        pieces = [image[at : at + _CHUNK_BYTES] for at in range(0, len(image), _CHUNK_BYTES)]
        for number, piece in enumerate(pieces):
            await call(js.publish(self._names.chunk(part, name, str(number)), piece))
        head = Head(name, len(pieces), hashlib.sha256(image).hexdigest(), self.last)
        try:
            ack = await call(
                js.publish(
                    self._names.snap(part),
                    msgspec.json.encode(head),
                    headers={_EXPECT: str(self._snap_revision)},
                )
            )
        except Refused as fault:
            newest = await self._newest(self._names.snap(part))
            self._snap_revision = int(newest.seq or 0) if newest else 0
            raise Fenced(part) from fault
        self._snap_revision = int(ack.seq)
        # The last message stays: the next one expects it.
        await call(js.purge_stream(self._names.stream, seq=head.covers, subject=self._subject))
        await self._forget_before(name)

    async def _forget_before(self, image: str) -> None:
        """Drop the images that are older than one, and what a save that was cut off left of them.

        Only older ones, by their names: should we have been asleep since, the newest is not ours.
        """
        js, stream = self._cluster.js, self._names.stream
        info = await call(
            js.stream_info(stream, subjects_filter=self._names.chunk(self._part, "*", "*"))
        )
        found = {each.split(".")[-2] for each in info.state.subjects or {}}
        for old in sorted(each for each in found if each < image):
            await call(js.purge_stream(stream, subject=self._names.chunk(self._part, old, "*")))

    # -- reading ------------------------------------------------------------------------------------

    async def read(self) -> Found:
        """Return what the part is made of, and stand behind its newest message; NotNow, Refused.

        ValueError when an image is damaged.
        """
        head, image = await self._image()
        newest = await self._newest(self._subject)
        last = int(newest.seq or 0) if newest else 0
        covers = head.covers if head else 0
        messages = await self._after(covers, last) if last > covers else []
        revision = self._snap_revision
        again = await self._newest(self._names.snap(self._part))
        if (int(again.seq or 0) if again else 0) != revision:
            # Its last owner saved it meanwhile, and may have forgotten what we were reading.
            raise NotNow(f"part {self._part}: its image has been replaced")
        self.last = max(last, covers)
        return Found(image, messages)

    async def _image(self) -> tuple[Head | None, bytes]:
        newest = await self._newest(self._names.snap(self._part))
        if newest is None:
            self._snap_revision = 0
            return None, b""
        self._snap_revision = int(newest.seq or 0)
        try:
            head = msgspec.json.decode(newest.data or b"", type=Head)
        except msgspec.MsgspecError as fault:
            raise ValueError(f"its newest image cannot be known: {fault}") from fault
        pieces: list[bytes] = []
        for number in range(head.chunks):
            piece = await self._newest(self._names.chunk(self._part, head.image, str(number)))
            if piece is None:  # replaced while it was read: the next round sees the newer one
                raise NotNow(f"part {self._part}: its image is being replaced")
            pieces.append(piece.data or b"")
        image = b"".join(pieces)
        if hashlib.sha256(image).hexdigest() != head.digest:
            raise ValueError("its image is damaged")
        return head, image

    async def _newest(self, subject: str) -> RawStreamMsg | None:
        try:
            return await call(self._cluster.js.get_last_msg(self._names.stream, subject))
        except KeyError:
            return None

    async def _after(self, covers: int, last: int) -> list[bytes]:
        """Return the messages after one number up to another, asked for one by one.

        Not through a consumer: to make one the cluster needs its own leader as well as the stream's, and
        may place it on a node that has just died: 5 to 11 s more for a part taken over with a site lost.
        """
        found: list[bytes] = []
        at = covers
        while at < last:
            try:
                message = await call(
                    self._cluster.js.get_msg(
                        self._names.stream, seq=at + 1, subject=self._subject, next=True
                    )
                )
            except KeyError as fault:  # forgotten while it was read: there is a newer image
                raise NotNow(f"part {self._part}: its log was cut") from fault
            at = int(message.seq or 0)
            found.append(message.data or b"")
        return found
