"""The devices as an admin sees them: by their real names, with what they said of themselves."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.log.store import connect

_DEVICES_MAX = 10_000
_OPEN = ("handed_over", "cancelled", "failed", "refused", "expired")

# What a site's registry knows of a device: {state, not_after (Unix s or None)}.
Enrolled = Callable[[str], dict[str, Any]]


def no_registry(_device: str) -> dict[str, Any]:
    """A gateway without a site folder takes every device and knows of no certificate."""
    return {"state": "unknown", "not_after_s": None}


class Boards:
    """Reads the devices from the database at `path`, read-only; `enrolled` asks the registry."""

    def __init__(self, path: Path, enrolled: Enrolled = no_registry):
        self._path = path
        self._enrolled = enrolled

    def view(self) -> list[dict[str, Any]]:
        """Return [{device, kind, presence, boot, implementation, firmware, subject, orders_open,
        state, due_s}] by name; due_s: seconds until the certificate ends, None without one."""
        with closing(connect(self._path, read_only=True)) as db:
            devices = db.execute(
                "SELECT device,kind,presence,boot,implementation,firmware FROM devices "
                "ORDER BY device LIMIT ?",
                (_DEVICES_MAX,),
            ).fetchall()
            newest = {
                row[0]: row[1]
                for row in db.execute(
                    "SELECT device,subject,max(shift) FROM roster GROUP BY device"
                )
            }
            held = Counter(
                row[0]
                for row in db.execute(
                    "SELECT device FROM orders WHERE state NOT IN (?,?,?,?,?)", _OPEN
                )
            )
        now_s = time.time()
        found = []
        for device, kind, presence, boot, implementation, firmware in devices:
            enrolled = self._enrolled(device)
            ends_s = enrolled.get("not_after_s")
            found.append(
                {
                    "device": device,
                    "kind": kind,
                    "presence": presence,
                    "boot": boot,
                    "implementation": implementation,
                    "firmware": firmware,
                    "subject": newest.get(device, ""),
                    "orders_open": held[device],
                    "state": enrolled.get("state", "unknown"),
                    "due_s": None if ends_s is None else round(ends_s - now_s),
                }
            )
        return found
