"""Host names looked up beside the loop (CPython): a name server that does not answer holds nobody up.

The last address of a name stays in use until a newer one is found: without it a tablet whose Wi-Fi has
lost its name server would lose a broker that still stands.
"""

import errno
import socket
import threading
import time

_AGAIN_S = 60  # a name that was found is asked for again after this


class Names:
    """One lookup of a name at a time, in a thread of its own; may be asked from several threads."""

    def __init__(self, look_up=socket.getaddrinfo):
        self._look_up = look_up
        self._lock = threading.Lock()
        self._found: dict = {}  # (host, port) -> (family, address, monotonic time)
        self._faults: dict = {}
        self._busy: set = set()

    def address(self, host: str, port: int):
        """Return (family, address) of a host, None while it is not known yet.

        OSError when the name is not known to the name server; asking again looks it up again.
        """
        try:
            numeric = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )
            return numeric[0][0], numeric[0][4]
        except socket.gaierror:
            pass  # a name
        key = (host, port)
        with self._lock:
            found = self._found.get(key)
            fault = self._faults.pop(key, None)
            old = found is None or time.monotonic() - found[2] > _AGAIN_S
            if old and fault is None and key not in self._busy:
                self._busy.add(key)
                threading.Thread(target=self._ask, args=key, daemon=True).start()
        if found is not None:
            return found[:2]
        if fault is not None:
            raise OSError(errno.EHOSTUNREACH, f"{host}: {fault}")
        return None

    def _ask(self, host, port):
        try:
            info = self._look_up(host, port, type=socket.SOCK_STREAM)[0]
            answer = (info[0], info[4], time.monotonic())
            why = None
        except (OSError, UnicodeError, IndexError) as fault:
            answer, why = None, str(fault)
        with self._lock:
            self._busy.discard((host, port))
            if answer is not None:
                self._found[host, port] = answer
            elif (host, port) not in self._found:
                self._faults[host, port] = why


NAMES = Names()
