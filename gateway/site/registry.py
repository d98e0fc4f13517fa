"""The registry as the running gateway sees it: who may speak, with which keys. Read anew on a change.

Without a site's folder in the configuration everybody is taken, for development, and that is said once.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.errors import GatewayError
from gateway.site.enrolment import FIELD_KEY_BYTES, field_key_file
from gateway.site.folder import SiteFolder, read_limited, read_secret
from gateway.site.ledger import Entry, Ledger, read_ledger
from protocols.topics import KINDS

# How long a change of the file may go unnoticed.
_LOOK_S = 1.0
# A registry that cannot be read is told again so often: who was revoked since may still speak.
_TELL_S = 60.0
# Before somebody is refused, for whoever was let in a moment ago; names may be invented by the thousand.
_LOOK_AGAIN_S = 0.05
_FIELD_KEYS_MAX = 10_000

log = logging.getLogger(__name__)


class Registry:
    """Who is enrolled. `folder` None: no registry. clock(): seconds that only go on.

    GatewayError when the folder's registry cannot be read at the start. One that cannot be read later
    leaves what was read before in force: `trouble` says so, the log once a minute, and the figure
    registry_trouble_s how long already.
    """

    def __init__(self, folder: Path | None, clock: Callable[[], float] = time.monotonic):
        self._site = SiteFolder(folder) if folder is not None else None
        self._clock = clock
        self._lock = threading.Lock()
        self._devices: dict[str, Entry] = {}
        self._field_keys: OrderedDict[tuple[str, int], bytes | None] = OrderedDict()
        self._seen: tuple[int, int, int] | None = None
        self._looked_s = clock()
        self.trouble = ""
        self._troubled_s = 0.0
        self._told_s = 0.0
        self.reloads = 0
        if self._site is None:
            log.warning("no [site] folder: every device is taken, whoever it says it is")
        else:
            self._take(self._read(self._site))

    @property
    def is_open(self) -> bool:
        """True when there is no registry."""
        return self._site is None

    def state(self, device: str) -> str:
        """Return 'enrolled', 'revoked' (or replaced by another) or 'unknown'."""
        entry = self.entry(device)
        if entry is None:
            return "enrolled" if self._site is None else "unknown"
        return "enrolled" if entry.state == "enrolled" else "revoked"

    def refusal(self, kind: str, device: str) -> str:
        """Return why a message of a device under a topic's `kind` is not taken, '' when it is.

        'unknown'; 'revoked'; 'kind': enrolled as something else.
        """
        if self._site is None:
            return ""
        entry = self.entry(device)
        if entry is None:
            return "unknown"
        if entry.state != "enrolled":
            return "revoked"
        return "" if entry.kind == kind else "kind"

    def entry(self, device: str) -> Entry | None:
        """Return what is known of a name, None for nothing."""
        self._look(_LOOK_S)
        found = self._devices.get(device)
        if found is None or found.state != "enrolled":
            self._look(_LOOK_AGAIN_S)
            found = self._devices.get(device)
        return found

    def enrolled(self, device: str) -> dict[str, Any]:
        """Return {state, not_after_s} for an admin's view: Unix s, None without a certificate."""
        entry = self.entry(device)
        newest = entry.certificates[-1] if entry is not None and entry.certificates else None
        state = entry.state if entry is not None else "unknown"
        return {"state": state, "not_after_s": newest.not_after_s if newest else None}

    def field_key(self, device: str, kid: int) -> bytes | None:
        """Return the key of a device's sealed fields with the number `kid`, or None.

        Also of a revoked one: what it sealed before can still be opened. A file that others may read,
        or that holds no key, counts as none and is told in the log.
        """
        entry = self.entry(device)
        if self._site is None or entry is None or not 0 < kid <= entry.kid:
            return None
        place = (device, kid)
        with self._lock:
            if place in self._field_keys:
                self._field_keys.move_to_end(place)
                return self._field_keys[place]
            key = _read_field_key(field_key_file(self._site, device, kid))
            self._field_keys[place] = key
            if len(self._field_keys) > _FIELD_KEYS_MAX:
                self._field_keys.popitem(last=False)
            return key

    def figures(self, now_s: float) -> dict[str, int]:
        """Return the registry's figures at a time, Unix s; none without a registry.

        certificates_due: of all who are enrolled, to be renewed now or run out already;
        certificates_expired: run out; certificate_end_s: how long until the first one does;
        registry_trouble_s: for how long the registry cannot be read, 0 while it can.
        """
        if self._site is None:
            return {}
        self._look(_LOOK_S)
        enrolled = [each for each in self._devices.values() if each.state == "enrolled"]
        newest = [each.certificates[-1] for each in enrolled if each.certificates]
        ends = [each.not_after_s for each in newest]
        return {
            "devices_enrolled": sum(each.kind in KINDS for each in enrolled),
            "devices_revoked": sum(
                each.kind in KINDS and each.state != "enrolled" for each in self._devices.values()
            ),
            "certificates_due": sum(each.due_s <= now_s for each in newest),
            "certificates_expired": sum(end <= now_s for end in ends),
            "certificate_end_s": max(0, int(min(ends, default=0) - now_s)),
            "registry_reloads": self.reloads,
            "registry_troubled": int(bool(self.trouble)),
            "registry_trouble_s": int(self._clock() - self._troubled_s) if self.trouble else 0,
        }

    # -- reading ------------------------------------------------------------------------------------

    def _look(self, pause_s: float) -> None:
        if self._site is None or self._clock() - self._looked_s < pause_s:
            return
        with self._lock:
            self._looked_s = self._clock()
            try:
                if _mark(self._site.registry) == self._seen:
                    self.trouble = ""  # its folder was shut, and is open again
                    return
                found = self._read(self._site)
            except GatewayError as fault:
                self._tell(str(fault))
                return
            self._take(found)
            self.reloads += 1

    def _tell(self, why: str) -> None:
        if not self.trouble:
            self._troubled_s = self._looked_s
        if self.trouble != why or self._looked_s - self._told_s >= _TELL_S:
            self._told_s = self._looked_s
            log.error(
                "the registry stays as it was for %d s now: %s; who was revoked since may still speak",
                self._looked_s - self._troubled_s,
                why,
            )
        self.trouble = why

    def _read(self, site: SiteFolder) -> Ledger:
        # Looked at before it is read: a change in between is seen the next time.
        mark = _mark(site.registry)
        ledger = read_ledger(read_limited(site.registry), str(site.registry))
        self._seen = mark
        return ledger

    def _take(self, ledger: Ledger) -> None:
        self._devices = ledger.devices
        self._field_keys.clear()
        self.trouble = ""
        log.info("registry: %d names", len(ledger.devices))


def _mark(path: Path) -> tuple[int, int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError as fault:
        raise GatewayError(
            f"cannot read {path}: {fault.strerror}; [site] folder is made by `gateway init-site`"
        ) from fault
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read_field_key(path: Path) -> bytes | None:
    try:
        key = bytes.fromhex(read_secret(path, 4 * FIELD_KEY_BYTES).decode("ascii").strip())
    except (GatewayError, ValueError) as fault:
        log.error("no field key: %s", fault)  # noqa: TRY400
        return None
    return key if len(key) == FIELD_KEY_BYTES else None
