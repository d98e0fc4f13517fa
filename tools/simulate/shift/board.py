"""The board's process: power on, step by step through the world's time, power off at any moment."""

import contextlib
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.errors import ToolError

_HEAD = "<IBHHBHI"
CAN_OPEN, DROPPED, TELL_HEAP = 1, 2, 4
NETWORK_MAX_BYTES = 1_060


@dataclass(slots=True)
class Step:
    """What the world is for one step of the board. now_ms: since this start of the board."""

    now_ms: int
    flags: int = 0
    cut: int = 0
    serial: bytes = b""
    adverts: Sequence[tuple[bytes, int, bytes]] = ()
    network: bytes = b""
    random: int = 0


@dataclass(slots=True)
class Reply:
    """What the board did in it. `alive` False: the power went, or the firmware asked for a restart."""

    alive: bool = True
    opened: bool = False
    closed: bool = False
    written: bytearray = field(default_factory=bytearray)
    restarted: list[str] = field(default_factory=list)
    reset: str = ""
    evidence_next: int = 0
    track_next: int = 0
    heap_free: int = 0


class LockstepBoard:
    """A board that exists between power_on() and power_off(), its flash for ever in `root`."""

    def __init__(self, argv: Sequence[str], root: Path):
        self._argv = [*argv, str(root)]
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        self.boots = 0

    @property
    def is_on(self) -> bool:
        """Whether the board has power."""
        return self._process is not None

    def power_on(self, cause: str) -> Reply:
        """Start the firmware; `cause` is what the hardware says about why."""
        self.boots += 1
        log = (self._root / "board.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [*self._argv, str(self.boots), cause],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
            )
        return self._read()

    def power_off(self) -> None:
        """Take the power away, between two flash operations."""
        if self._process is not None:
            self._process.kill()
            self._end()

    def step(self, step: Step) -> Reply:
        """Let the world go on; the board must be on."""
        process = self._process
        if process is None or process.stdin is None:
            raise ToolError("the board is off")
        message = bytearray(
            struct.pack(
                _HEAD,
                *(step.now_ms, step.flags, step.cut, len(step.serial), len(step.adverts)),
                *(len(step.network), step.random),
            )
        )
        message += step.serial
        for address, rssi_dbm, payload in step.adverts:
            message += struct.pack("<6sbB", address, rssi_dbm, len(payload)) + payload
        message += step.network
        try:
            process.stdin.write(message)
        except BrokenPipeError:
            self._end()
            return Reply(alive=False)
        return self._read()

    def _read(self) -> Reply:
        reply = Reply()
        while True:
            kind = self._take(1)
            if kind == b"S":
                told = self._take(12)
                if len(told) == 12:
                    reply.evidence_next, reply.track_next, reply.heap_free = struct.unpack(
                        "<III", told
                    )
                    return reply
            elif kind == b"W":
                size = struct.unpack("<H", self._take(2))[0]
                reply.written += self._take(size)
                continue
            elif kind == b"R":
                reply.reset = self._take(self._take(1)[0]).decode()
                reply.alive = False
                self.power_off()
                return reply
            elif kind in (b"O", b"C"):
                reply.opened |= kind == b"O"
                reply.closed = kind == b"C"
                continue
            elif kind in (b"G", b"B"):
                reply.restarted.append("gnss" if kind == b"G" else "ble")
                continue
            reply.alive = False
            self._end()
            return reply

    def _take(self, size: int) -> bytes:
        process = self._process
        if process is None or process.stdout is None:
            return b""
        data = bytearray()
        while len(data) < size:
            piece = process.stdout.read(size - len(data))
            if not piece:
                return b""
            data += piece
        return bytes(data)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        code = process.wait(10)
        if code not in (0, 9, -9):
            said = (self._root / "board.log").read_text(errors="replace").strip().splitlines()
            raise ToolError(f"the firmware ended by itself ({code}): {' | '.join(said[-6:])}")
