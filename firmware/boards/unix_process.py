"""What only the start and the end of a simulated board's process need, loaded for that moment.

A reset starts the process anew in its place, with an empty heap; a power cut, for tests, ends it.
"""

from array import array

import ffi
import uctypes

from firmware.system.errors import ConfigError

POWER_CUT_CODE = 75  # exit code of a board whose power a test has cut
_FILES = 64


def check_wiring(wiring: dict) -> None:
    """ConfigError for a key or value of the config's 'board' that boards.unix does not know."""
    for key in wiring:
        if key not in ("serial", "radio_port", "cut_at", "torn_pct"):
            raise ConfigError(
                "key 'board' has an unknown '{}'; known: serial, radio_port, cut_at, torn_pct".format(
                    key
                )
            )
    if not isinstance(wiring.get("serial", ""), str):
        raise ConfigError("'serial' of key 'board' is the path of the receiver's line")
    port = wiring.get("radio_port", 0)
    if not isinstance(port, int) or port is True or not 0 <= port <= 65_535:
        raise ConfigError("'radio_port' of key 'board' is a TCP port, 1 to 65535, or 0 for none")
    for key in ("cut_at", "torn_pct"):
        value = wiring.get(key, 0)
        if not isinstance(value, int) or value < 0 or (key == "torn_pct" and value > 100):
            raise ConfigError("'{}' of key 'board' is a number; see boards.unix".format(key))


def begin_again() -> None:
    """Start this process anew, as it was started; returns only when that is not possible."""
    with open("/proc/self/cmdline", "rb") as file:
        told = [each + b"\0" for each in file.read().split(b"\0")[:-1]]
    pointers = array("L", [uctypes.addressof(each) for each in told] + [0])
    libc = ffi.open(None)
    close = libc.func("i", "close", "i")
    for number in range(3, _FILES):  # lines and connections end with this life, as on a board
        close(number)
    libc.func("i", "execv", "sP")("/proc/self/exe", uctypes.addressof(pointers))


def cut_power() -> None:
    """End this process on the spot: nothing is flushed, nothing is closed."""
    ffi.open(None).func("v", "_exit", "i")(POWER_CUT_CODE)
