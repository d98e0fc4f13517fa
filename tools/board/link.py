"""The line to a board: mpremote's own transport, its faults in words that say what to do.

ToolError
+- BoardError          the board answered, and what it said is a fault
   +- LinkLostError    it stopped answering: a pulled cable, a lost supply
"""

# mypy: disable-error-code="import-untyped"
import contextlib
import hashlib
import io
import json
import struct
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import serial
import serial.tools.list_ports
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from tools.errors import ToolError

_BAUD = 115_200
_ENTER_S = 0.5  # one silent read while looking for a prompt
_ENTER_WAITS_S = (2, 4, 4, 4)
_ANSWER_S = 30  # one silent read while a board works: an erase of a large partition takes seconds
_OPENS = 5
_OPEN_AGAIN_S = 0.2
_NO_SPACE = "28"  # errno ENOSPC, as MicroPython prints it


class BoardError(ToolError):
    """The board cannot do what was asked."""


class LinkLostError(BoardError):
    """The board no longer answers."""


class _Transport(SerialTransport):  # type: ignore[misc]
    """mpremote's, but a port that never stops talking (a receiver's) does not hold it for ever."""

    def read_until(
        self,
        min_num_bytes: int,
        ending: bytes,
        timeout: float | None = 10,
        data_consumer: Any = None,
        timeout_overall: float | None = None,
    ) -> bytes:
        """As mpremote's; there the overall limit counts only while nothing comes (1.29)."""
        if timeout_overall is None:
            return bytes(super().read_until(min_num_bytes, ending, timeout, data_consumer))
        data = b""
        end_s = time.monotonic() + timeout_overall
        while not data.endswith(ending) and time.monotonic() < end_s:
            data += self.serial.read(1)
        return data


class Link:
    """A board at the serial port `port`, at its raw prompt. To be used in a `with`.

    ToolError when there is no such port, or nothing at it that answers as MicroPython does.
    """

    def __init__(self, port: str):
        self.port = port
        if not Path(port).exists() and "://" not in port:
            raise ToolError(f"no port {port}; there is: {_ports()}")
        # mpremote prints what it met instead of a prompt: kept for the message.
        noise = io.StringIO()
        with contextlib.redirect_stdout(noise):
            self._transport = _opened(port)
        self._transport.serial.write_timeout = _ANSWER_S
        with contextlib.redirect_stdout(noise):
            entered = any(self._enter(wait_s) for wait_s in _ENTER_WAITS_S)
        if not entered:
            self._close()
            raise ToolError(
                f"no MicroPython answered at {port} ({_met(noise.getvalue().strip())}); is it the "
                "right port, and does the board run MicroPython?"
            )
        self._transport.serial.timeout = _ANSWER_S

    def _enter(self, wait_s: float) -> bool:
        """Try once to get to the raw prompt: what comes while a board is just starting is lost."""
        try:
            self._transport.enter_raw_repl(soft_reset=True, timeout_overall=wait_s)
        except (TransportError, OSError, serial.SerialException):
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        # Closing a line that is no longer there must not hide what happened before.
        with contextlib.suppress(OSError, serial.SerialException):
            self._transport.close()
        # On some ports its close() ends at the control lines, with the port still open and locked.
        with contextlib.suppress(OSError, serial.SerialException):
            self._transport.serial.close()

    def run(self, code: str) -> str:
        """Run code on the board and return what it printed.

        BoardError with the board's own last line, LinkLostError when it stops answering.
        """
        try:
            said, fault = self._transport.exec_raw(code, timeout=_ANSWER_S)
        except (TransportError, OSError, serial.SerialException, struct.error, TypeError):
            # TypeError: pyserial reading from a port that was closed under it.
            raise LinkLostError(
                f"the board at {self.port} stopped answering (a pulled cable?); it still starts "
                "with what it had: connect it and run the command again"
            ) from None
        if fault:
            raise BoardError(_plain(fault.decode(errors="replace")))
        return str(said.decode(errors="replace"))

    def ask(self, code: str) -> Any:
        """Run code that prints one JSON value, and return it."""
        said = self.run(code)
        try:
            return json.loads(said.strip().splitlines()[-1])
        except (ValueError, IndexError):
            raise BoardError(f"the board said {said.strip()[-80:]!r}; expected was JSON") from None

    def soft_reset(self) -> None:
        """Start the interpreter anew, at the raw prompt: boot.py runs, main.py does not."""
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                self._transport.enter_raw_repl(soft_reset=True, timeout_overall=20)
        except (TransportError, OSError, serial.SerialException):
            raise LinkLostError(
                f"the board at {self.port} did not come back from a reset"
            ) from None

    def reset(self) -> None:
        """Reset the board; its application starts. The line is of no use afterwards."""
        with contextlib.suppress(TransportError, OSError, serial.SerialException):
            self._transport.exec_raw_no_follow("import machine\nmachine.reset()")

    def write_file(self, path: str, data: bytes) -> bool:
        """Make the board's file `path` hold `data`; False when it did already.

        Written beside, read back by hash, then renamed: a cut leaves the old file or the new one.
        """
        want = hashlib.sha256(data).digest()
        with contextlib.suppress(BoardError):
            if self._hash(path) == want:
                return False
        new = path + ".new"
        try:
            self._transport.fs_writefile(new, data)
        except TransportExecError as fault:
            raise BoardError(_plain(fault.error_output)) from None
        except OSError as fault:
            if fault.errno == 28:
                self.run(f"import os\ntry:\n os.remove({new!r})\nexcept OSError:\n pass")
                raise BoardError(_plain("OSError: 28")) from None
            self.run("1")  # tells a lost link from a fault of the file system
            raise BoardError(f"the board cannot write {path}: {fault}") from None
        except (TransportError, serial.SerialException, struct.error, TypeError):
            self.run("1")
            raise BoardError(f"writing {path} was interrupted; run the command again") from None
        if self._hash(new) != want:
            raise BoardError(f"{path} does not read back as it was written; is the flash worn out?")
        self.run(f"import os\nos.rename({new!r},{path!r})")
        return True

    def _hash(self, path: str) -> bytes:
        said = self.run(
            "import hashlib\nh=hashlib.sha256()\nb=bytearray(256)\n"
            f"with open({path!r},'rb') as f:\n while 1:\n  n=f.readinto(b)\n  if not n:break\n"
            "  h.update(memoryview(b)[:n])\nprint(h.digest().hex())"
        )
        return bytes.fromhex(said.strip())

    def follow(self, seconds: float | None) -> None:
        """Leave the raw prompt, restart the application, and copy what it prints until Ctrl-C."""
        self.reset()
        line = self._transport.serial
        line.timeout = 0.2
        end_s = None if seconds is None else time.monotonic() + seconds
        try:
            while end_s is None or time.monotonic() < end_s:
                if data := line.read(line.in_waiting or 1):
                    sys.stdout.write(data.decode(errors="replace"))
                    sys.stdout.flush()
        except (OSError, serial.SerialException, TypeError):
            raise LinkLostError(f"the board at {self.port} is gone") from None


def _opened(port: str) -> _Transport:
    """Open a port, again and again for a second: one that is just coming back may still be locked."""
    for _ in range(_OPENS):
        with contextlib.suppress(TransportError, OSError, serial.SerialException):
            return _Transport(port, baudrate=_BAUD, timeout=_ENTER_S)
        time.sleep(_OPEN_AGAIN_S)
    raise ToolError(
        f"cannot open {port}; is another program using it, and may you (group dialout)?"
    )


def _ports() -> str:
    return ", ".join(each.device for each in serial.tools.list_ports.comports()) or "none"


def _met(said: str) -> str:
    lines = [line for line in said.splitlines() if line not in ("", "b''")]
    return f"it sent {lines[0][:60]}" if lines else "nothing came"


def _plain(told: str) -> str:
    """Return the last line of a board's traceback in words, where they are known."""
    last = (told.strip().splitlines() or ["nothing"])[-1].strip()
    if last.startswith("OSError") and (_NO_SPACE in last or "ENOSPC" in last):
        return "the board's flash is full; nothing was switched: it starts with what it had"
    if last.startswith("MemoryError"):
        return f"the board has no memory left for this ({last})"
    return f"the board said: {last}"
