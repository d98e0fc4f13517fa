"""`python -m gateway.ops.probe URL`: exit code 0 when a gateway of this machine answers 200, else 1."""

from __future__ import annotations

import ssl
import sys
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from gateway.sections import is_loopback

_TIMEOUT_S = 2.5


def answers(url: str) -> bool:
    """Tell whether GET of a loopback address is answered with 200. Any other address is refused."""
    try:
        place = urlsplit(url)
        host, port = place.hostname or "", place.port
    except ValueError:
        return False
    if place.scheme not in ("http", "https") or not is_loopback(host):
        return False
    if place.scheme == "https":
        # Loopback, and nothing is sent but the question: whose certificate it is does not matter.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        peer: HTTPConnection = HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)
    else:
        peer = HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        peer.request("GET", place.path or "/healthz")
        return peer.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        peer.close()


if __name__ == "__main__":
    sys.exit(0 if len(sys.argv) == 2 and answers(sys.argv[1]) else 1)
