"""Connections of a Linux machine to its broker: TCP and TLS that never block."""

import contextlib
import errno
import os
import select
import socket
import ssl

from firmware.boards.names import NAMES


class Stream:
    """A TCP connection that never blocks, not for a name either; the stream of system.mqtt."""

    def __init__(self, lines: set, host: str, port: int):
        self._lines = lines
        self._target = (host, port)
        self._socket: "socket.socket" = None
        self._open = False
        self._dial()

    def _dial(self):
        """Begin to connect, once it is known where the host is."""
        found = NAMES.address(*self._target)
        if found is None:
            return False
        family, address = found
        self._socket = socket.socket(family)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(BlockingIOError):
            self._socket.connect(address)
        return True

    def ready(self) -> bool:
        """Tell whether the connection stands; OSError when it was refused or the name is not known."""
        if self._socket is None and not self._dial():
            return False
        if not self._open:
            _, writable, _ = select.select([], [self._socket], [], 0)
            if not writable:
                return False
            fault = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if fault:
                raise OSError(fault, os.strerror(fault))
            self._open = True
            self._lines.add(self._socket)
        return True

    def read_into(self, buf):
        """Read what is there into `buf`: its size, 0 at the end of the stream, None when nothing."""
        try:
            return self._socket.recv_into(buf)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None

    def write(self, buf, start: int = 0, size: int = 0):
        """Write what fits of `buf` from `start`, `size` bytes at most (0: all): how much, or None."""
        try:
            return self._socket.send(memoryview(buf)[start : start + (size or len(buf))])
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._lines.discard(self._socket)
            self._socket.close()


class TlsStream(Stream):
    """The same with TLS and our certificate; OSError EACCES when the broker refuses it.

    files: 'ca', and 'cert' with 'key' where we show one too, as PEM in the folder `root`;
    'server_name': what the broker's certificate has to be made out to.
    """

    def __init__(self, lines: set, host: str, port: int, files: dict, root: str):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # asks for a valid name and chain
        self._name = files["server_name"]
        name = files["ca"]
        try:
            self._context.load_verify_locations(os.path.join(root, name))
            if "cert" in files:
                name = f"{files['cert']} or {files['key']}"
                paths = [os.path.join(root, files[each]) for each in ("cert", "key")]
                self._context.load_cert_chain(*paths)
        except OSError as fault:
            raise OSError(errno.ENOENT, f"{name} of key 'tls' cannot be read: {fault}") from fault
        super().__init__(lines, host, port)

    def ready(self) -> bool:
        """Tell whether connection and handshake are through."""
        if not super().ready():
            return False
        if not isinstance(self._socket, ssl.SSLSocket):
            self._lines.discard(self._socket)
            self._socket = self._context.wrap_socket(
                self._socket, server_hostname=self._name, do_handshake_on_connect=False
            )
            self._lines.add(self._socket)
        try:
            self._socket.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except ssl.SSLError as fault:
            raise _reason(fault) from fault
        return True

    def read_into(self, buf):
        """As in Stream. With TLS 1.3 a broker's refusal comes here, behind the handshake."""
        try:
            return super().read_into(buf)
        except ssl.SSLError as fault:
            raise _reason(fault) from fault

    def write(self, buf, start: int = 0, size: int = 0):
        """As in Stream."""
        try:
            return super().write(buf, start, size)
        except OSError:
            self.read_into(bytearray(1))  # why the broker closed lies unread before the end
            raise


def _reason(fault):
    if isinstance(fault, ssl.SSLCertVerificationError):
        text = fault.verify_message
        if "not yet valid" in text:
            text = "the broker's certificate is not valid yet: is the clock set?"
        return OSError(errno.ECONNABORTED, text)
    if "ALERT" in (fault.reason or ""):
        return OSError(errno.EACCES, "the broker refuses this device's certificate")
    return OSError(errno.ECONNABORTED, str(fault))
