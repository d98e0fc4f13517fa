"""TLS with a client certificate over a connection that never blocks, for boards with the module `tls`.

The certificate of the broker must be signed by our CA, bear its name and be valid now; the clock that
decides is the interpreter's own, so an ESP32 needs its RTC set before. The first write drives the
handshake: it takes nothing (None) until all is through, one flight of it at a time, and what the broker
owes is bounded by the deadline of who waits for the answer (system.mqtt: 10 s).
"""

# mypy: ignore-errors
import errno

import tls

from protocols.compat import const

# mbedTLS: the other side ended the handshake with a fatal alert. From a broker that asks for
# certificates that is its word on ours.
_FATAL_ALERT = const(-0x7780)

_IPPROTO_TCP = const(6)
_TCP_NODELAY = const(1)

_context = None


def secure(stream, files: dict, root: str):
    """Return `stream` as one whose bytes travel encrypted.

    stream: ready(), close() and the socket `socket`. files: 'ca', and 'cert' with 'key' where we show
    one too, as DER files in the folder `root`, read once; 'server_name': what the broker's certificate
    has to be made out to. OSError names the file that is of no use; the stream is closed then.
    """
    global _context
    told = ""
    if _context is None:
        context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        context.verify_mode = tls.CERT_REQUIRED
        cert = data = None
        for key in ("ca", "cert", "key"):
            try:
                if key in files:
                    with open(root + "/" + files[key], "rb") as file:
                        data = file.read()
                    if key == "ca":
                        context.load_verify_locations(data)
                    elif key == "key":
                        context.load_cert_chain(cert, data)
                cert = data
            except (OSError, ValueError) as fault:
                told = "'{}' of key 'tls', {}, is of no use: {}".format(key, files[key], fault)
                stream.close()
                break
        else:
            _context = context
    if told:
        raise OSError(errno.ENOENT, told)
    return TlsStream(stream, files["server_name"])


class TlsStream:
    """A stream of system.mqtt, made by secure(). OSError EACCES: we were refused."""

    def __init__(self, stream, server_name: str):
        # With Nagle the rest of our flight stays here while the broker looks at our certificate. Sent to
        # a broker that has refused it, it would bring a reset, and its alert could not be read any more.
        stream.socket.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 0)
        self._stream = stream
        self._name = server_name
        self._tls = None

    def ready(self) -> bool:
        """Tell whether the connection below stands; the handshake is still to come."""
        if self._tls is None and self._stream.ready():
            self._tls = _context.wrap_socket(
                self._stream.socket, server_hostname=self._name, do_handshake_on_connect=False
            )
        return self._tls is not None

    def read_into(self, buf):
        """Read what is there into `buf`: its size, 0 at the end of the stream, None when nothing."""
        try:
            return self._tls.readinto(buf)
        except (OSError, ValueError) as fault:
            told = fault
        raise _reason(told)

    def write(self, buf, start: int, size: int):
        """Write what fits of `buf` from `start`, `size` bytes at most: how much; None for nothing."""
        try:
            return self._tls.write(buf, start, size)
        except (OSError, ValueError) as fault:
            told = fault
        raise _reason(told)

    def close(self) -> None:
        """Close the connection and give the memory of its cipher back at once."""
        self._stream.close()
        if self._tls is not None:
            self._tls.close()


def _reason(fault):
    """Return the OSError that says in words what mbedTLS said by number or in its own."""
    if isinstance(fault, ValueError):
        text = str(fault).strip()
        if "future" in text:
            text = "the broker's certificate is not valid yet: is the board's clock set?"
        return OSError(errno.ECONNABORTED, text)
    if fault.args[0] == _FATAL_ALERT:
        return OSError(errno.EACCES, "the broker refuses this board's certificate")
    if -256 < fault.args[0] < 0:
        # A socket's error with mbedTLS's sign: met by a write before an alert was read, it hides why.
        return OSError(-fault.args[0], "closed by the broker")
    return fault
