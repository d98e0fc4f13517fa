"""The tablet's page as a device: MicroPython on WebAssembly in a worker of the browser.

Flash is one file of the browser's private storage, and the broker is reached through the box's
WebSocket; both come as device files, which ar_picking/web/page/board.js puts there. The host object
(module `page_host` there) tells the time and the state of the line. Its numbers have 30 bits: an
integer that crosses from JavaScript is cut to 32.
"""

import sys

from firmware.boards.flash import FlashImage, partition
from firmware.system.state import State

FLASH = "/dev/o2o_flash"
LINE = "/dev/o2o_line"
# Two of the blocks that boards.flash leaves to a board: the number of starts.
_BOOTS = (304, 2)
_TICKS_MAX = 0x3FFFFFFF
_TICKS_HALF = 0x20000000
_OPEN = 1
_CLOSED = 2


class Stream:
    """The connection through the box, the stream of system.mqtt. There is one: the newest."""

    def __init__(self, host, path: str):
        self._host = host
        self._file = open(path, "r+b", 0)
        host.line_open()

    def ready(self) -> bool:
        """Tell whether the connection stands; OSError when it was refused or there is no network."""
        if self._host.line_state() == _CLOSED:
            raise OSError(111, "the box cannot be reached")
        return self._host.line_state() == _OPEN

    def read_into(self, buf):
        """Read what is there into `buf`: its size, 0 at the end of the stream, None when nothing."""
        if self._host.line_waiting():
            return self._file.readinto(buf)
        return 0 if self._host.line_state() == _CLOSED else None

    def write(self, buf, start: int = 0, size: int = 0):
        """Write what fits of `buf` from `start`, `size` bytes at most (0: all): how much, or None."""
        if self._host.line_state() == _CLOSED:
            raise OSError(104, "the connection to the box has ended")
        room = self._host.line_room()
        if not room:
            return None
        end = min(start + (size or len(buf) - start), len(buf), start + room)
        return self._file.write(memoryview(buf)[start:end])

    def close(self) -> None:
        """Close the connection."""
        self._host.line_close()
        self._file.close()


class PageBoard:
    """The device in a page; what firmware.system.device asks of hardware.

    host: the module `page_host`; flash, line: paths of the device files, others in tests.
    """

    def __init__(self, host, flash: str = FLASH, line: str = LINE):
        self._host = host
        self._flash = flash
        self._line = line

    def ticks_ms(self) -> int:
        """Return a steady ms counter that wraps at 2^30."""
        return self._host.ticks()

    @staticmethod
    def ticks_diff(new: int, old: int) -> int:
        """Return the difference of two counter values, over the wrap too."""
        return ((new - old + _TICKS_HALF) & _TICKS_MAX) - _TICKS_HALF

    def random(self, n: int) -> int:
        """Return a random integer 0..n-1."""
        return self._host.random30() % n

    def new_id(self) -> int:
        """Return a random ring id, 1..2^30-1."""
        return self._host.random30() or 1

    def utc(self) -> tuple:
        """Return the tablet's UTC as (day since 2020-01-01, ms of day); its system keeps it right."""
        day, ms = self._host.utc().split(" ")
        return int(day), int(ms)

    def implementation(self) -> str:
        """Return what executes this, at most 80 characters."""
        it = sys.implementation
        version = ".".join(str(part) for part in it.version[:3])
        return "{} {} {}".format(it.name, version, self._host.agent())[:80]

    def partition(self, name: str):
        """Return the flash partition 'evidence', 'track' or 'state'.

        Written through: what program() and erase() did is in the browser's storage on return.
        """
        return partition(self._flash, name)

    def count_boot(self) -> int:
        """Return this start's number: one more than the last one's, a random one for a new flash."""
        state = State(FlashImage(self._flash, *_BOOTS))
        last = state.load()
        number = last + 1 if isinstance(last, int) else 1 + (self.new_id() >> 4)
        state.save(number, 0, True)
        return number

    def open_stream(self, host: str, port: int, tls=None) -> Stream:
        """Start a connection to the broker of the box that served the page.

        host, port and tls are the box's business: the page's own address and certificate hold.
        """
        return Stream(self._host, self._line)
