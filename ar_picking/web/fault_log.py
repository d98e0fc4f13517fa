"""What the HTTP server complains of: counted, and only our own mistakes are shown, each kind once.

aiohttp writes a traceback for every request that is no HTTP; anybody on the Wi-Fi could fill a disk
with it.
"""

from __future__ import annotations

import logging
import sys

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.web_exceptions import HTTPException

_KINDS_MAX = 20
_THEIRS = (BadHttpMessage, HTTPException, web.RequestPayloadError, ConnectionError, TimeoutError)


class FaultLog(logging.Handler):
    """`logger`: what a server is given. Counts bad_requests and faults."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.counts = {"bad_requests": 0, "faults": 0}
        self._kinds: set[str] = set()
        self.logger = logging.Logger("ar_picking.web", logging.ERROR)
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Count a complaint; the first of a kind that is ours goes to stderr."""
        fault = record.exc_info[1] if record.exc_info else None
        while isinstance(fault, Exception) and not isinstance(fault, _THEIRS) and fault.__cause__:
            fault = fault.__cause__ if isinstance(fault.__cause__, Exception) else None
        if isinstance(fault, _THEIRS):
            self.counts["bad_requests"] += 1
            return
        self.counts["faults"] += 1
        kind = f"{record.msg} {fault!r}"[:200]
        if kind not in self._kinds and len(self._kinds) < _KINDS_MAX:
            self._kinds.add(kind)
            sys.stderr.write(self.format(record) + "\n")
