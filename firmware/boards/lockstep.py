"""A board whose whole world comes over its standard input: for simulators that run faster than time.

The firmware is the one that a board runs; only the hardware is played. wait() tells the simulator that
the step is done and reads what the world is from then on; nothing happens in between, so a run is the
same every time. Flash is an image file that can be told to lose its power in the middle of an operation.

Simulator -> board, little-endian, one message a step:

    now_ms u32 | flags u8 | cut u16 | serial u16 | adverts u8 | network u16 | random u32
    serial bytes | adverts: address 6, rssi i8, size u8, payload | network bytes

flags: 1 a connection can be opened, 2 the open connection is dropped, 4 tell the heap. cut: the power
fails at the cut-th flash operation from now (0: it does not).

Board -> simulator: 'O' a connection is opened, 'C' closed, 'W' size u16 bytes: written to it, 'R' size
u8 cause: reset asked for, 'G' and 'B' the receiver and the radio were restarted, and at the end of a
step 'S' evidence next u32, track next u32, free heap u32 (0 when not asked for).
"""

import struct
import sys

from firmware.boards.flash import partition

_HEAD = "<IBHHBHI"
_HEAD_SIZE = 16
_SERIAL_BYTES = 1_024
_NETWORK_BYTES = 1_100
_POWER_IS_OFF = 9  # exit code


class Flash:
    """A partition of the image, with the power switch of the board around it."""

    def __init__(self, board, flash):
        self._board = board
        self._flash = flash
        self.blocks = flash.blocks
        self.block_size = flash.block_size
        self.read = flash.read

    def program(self, block: int, offset: int, buf) -> None:
        """Clear the bits that are 0 in `buf`; a power cut leaves half of it."""
        if self._board.cut_here():
            self._flash.program(block, offset, memoryview(buf)[: len(buf) // 2])
            sys.exit(_POWER_IS_OFF)
        self._flash.program(block, offset, buf)

    def erase(self, block: int) -> None:
        """Set every bit of a block; a power cut leaves it as it was."""
        if self._board.cut_here():
            sys.exit(_POWER_IS_OFF)
        self._flash.erase(block)


class Stream:
    """The one connection of the board, as in system.mqtt."""

    def __init__(self, board):
        self._board = board

    def ready(self) -> bool:
        """Tell whether the connection stands; OSError when it was refused."""
        if not self._board.is_open:
            raise OSError(111)
        return True

    def read_into(self, buf):
        """Read what is there into `buf`: its size, 0 at the end of the stream, None when nothing."""
        return self._board.take_network(buf)

    def write(self, buf, start: int = 0, size: int = 0) -> int:
        """Write `size` bytes of `buf` from `start` (0: all that is left); all of it is taken."""
        if not self._board.is_open:
            raise OSError(104)
        size = size or len(buf) - start
        self._board.tell(b"W" + struct.pack("<H", size))
        self._board.tell(memoryview(buf)[start : start + size])
        return size

    def close(self) -> None:
        """Close the connection."""
        if self._board.is_open:
            self._board.is_open = False
            self._board.tell(b"C")


class LockstepBoard:
    """The board in folder `root`, at its `boot`-th start, which has a `cause`."""

    def __init__(self, root: str, boot: int, cause: str = "power"):
        self._root = root
        self._boot = boot
        self._cause = cause
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._head = bytearray(_HEAD_SIZE)
        self._serial = bytearray(_SERIAL_BYTES)
        self._serial_n = 0
        self._network = bytearray(_NETWORK_BYTES)
        self._network_n = 0
        self._network_at = 0
        self._adverts: list = []
        self._seed = 1
        self._now_ms = 0
        self._flags = 0
        self._cut = 0
        self.is_open = False
        self._rings = None
        self._heap_free = None

    # time and chance
    def ticks_ms(self) -> int:
        """Return the time that the world has now, ms."""
        return self._now_ms

    @staticmethod
    def ticks_diff(new: int, old: int) -> int:
        """Return the difference of two counter values."""
        return new - old

    def random(self, n: int) -> int:
        """Return a random integer 0..n-1; the simulator gives the seed."""
        self._seed = (self._seed * 1_103_515_245 + 12_345) & 0x3FFF_FFFF
        return (self._seed >> 6) % n

    def new_id(self) -> int:
        """Return a random ring id, 1..2^30-1."""
        return 1 + self.random(1 << 12) + (self.random(1 << 12) << 12)

    @staticmethod
    def implementation() -> str:
        """Return what executes this."""
        it = sys.implementation
        return "{} {}.{} lockstep".format(it.name, it.version[0], it.version[1])

    # memory
    def partition(self, name: str):
        """Return a partition of the image file."""
        return Flash(self, partition(self._root + "/flash.img", name))

    def count_boot(self) -> int:
        """Return which start this is; the simulator counts."""
        return self._boot

    def cut_here(self) -> bool:
        """Count one flash operation; True when the power fails in it."""
        if self._cut == 0:
            return False
        self._cut -= 1
        return self._cut == 0

    # lines
    def open_stream(self, host: str, port: int, tls=None):
        """Open the connection; OSError while the world has no way to the broker."""
        if not self._flags & 1:
            raise OSError(113)
        self.is_open = True
        self._network_n = self._network_at = 0
        self.tell(b"O")
        return Stream(self)

    def take_network(self, buf):
        """Move received bytes into `buf`; see Stream.read_into()."""
        left = self._network_n - self._network_at
        if not left:
            return None if self.is_open else 0
        n = min(left, len(buf))
        buf[:n] = memoryview(self._network)[self._network_at : self._network_at + n]
        self._network_at += n
        return n

    def serial_into(self, buf) -> int:
        """Move received bytes of the receiver into `buf`; 0 when there are none."""
        n = min(self._serial_n, len(buf))
        if n:
            buf[:n] = memoryview(self._serial)[:n]
            left = self._serial_n - n
            self._serial[:left] = self._serial[n : self._serial_n]
            self._serial_n = left
        return n

    def adverts(self, handler, now_ms: int) -> None:
        """Hand over the adverts of this step."""
        for address, rssi_dbm, payload in self._adverts:
            handler(address, payload, len(payload), rssi_dbm, now_ms)
        self._adverts.clear()

    def serial_write(self, data) -> int:
        """Write to the receiver, which has been set up."""
        return len(data)

    def serial_baud(self, baud: int) -> None:
        """Listen at another speed: this line has none."""

    def allow(self, addresses) -> None:
        """Let the adverts of these addresses through: the simulator sends no others."""

    def listen(self, radio_pct: int) -> None:
        """Listen that much of the time: the simulator's radio hears what it is told to."""

    def restart_gnss(self) -> None:
        """Begin anew with the receiver."""
        self.tell(b"G")

    def restart_ble(self) -> None:
        """Begin anew with the radio."""
        self.tell(b"B")

    def reset_cause(self) -> str:
        """Return why this start happened."""
        return self._cause

    def feed_watchdog(self) -> None:
        """Feed the watchdog: the simulator has none."""

    @staticmethod
    def battery_pct():
        """Return the battery's charge, None: it is on the bike's."""
        return None

    def reset(self, cause: str) -> None:
        """Ask for a restart; the simulator ends this process."""
        self.tell(b"R" + bytes((len(cause),)) + cause.encode())

    # the simulator
    def watch(self, rings, heap_free) -> None:
        """Tell the simulator of these rings (evidence, track) and of what heap_free() returns."""
        self._rings = rings
        self._heap_free = heap_free

    def tell(self, data) -> None:
        """Write to the simulator."""
        self._out.write(data)

    def _read(self, buf, n):
        view = memoryview(buf)[:n]
        got = 0
        while got < n:
            size = self._in.readinto(view[got:])  # type: ignore[union-attr]
            if not size:
                sys.exit(0)  # the simulator has gone
            got += size

    def wait(self, ms: int) -> None:
        """End the step and begin the next one."""
        evidence, track = self._rings if self._rings else (None, None)
        free = self._heap_free() if self._flags & 4 and self._heap_free else 0
        self.tell(
            b"S"
            + struct.pack(
                "<III", evidence.next if evidence else 0, track.next if track else 0, free
            )
        )
        if hasattr(self._out, "flush"):
            self._out.flush()
        self._read(self._head, _HEAD_SIZE)
        now_ms, self._flags, cut, serial, adverts, network, seed = struct.unpack(_HEAD, self._head)
        self._now_ms = now_ms
        self._seed ^= seed & 0x3FFF_FFFF
        if cut:
            self._cut = cut
        view = memoryview(self._serial)
        self._read(view[self._serial_n :], serial)
        self._serial_n += serial
        for _ in range(adverts):
            self._read(self._head, 8)
            address, rssi_dbm, size = struct.unpack("<6sbB", bytes(self._head[:8]))
            payload = bytearray(size)
            self._read(payload, size)
            self._adverts.append((address, rssi_dbm, payload))
        # What the firmware has not taken of the last step's stays in front.
        left = self._network_n - self._network_at
        self._network[:left] = self._network[self._network_at : self._network_n]
        self._network_at = 0
        self._read(memoryview(self._network)[left:], network)
        self._network_n = left + network
        if self._flags & 2:
            self.is_open = False
            self._network_n = 0
