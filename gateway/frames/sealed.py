"""Sensitive fields that a device sealed (protocols.sealing): opened, checked like any other, and hidden
again for the feed under the city's own key. In between they are in memory only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from gateway.feed.writer import Hidden, Origin
from protocols import messages
from protocols.fields import TEXT
from protocols.frames import KEY_BOOT
from protocols.sealing import field_cipher, open_field

# Words that may be about a person; the contract has a form for them sealed (tools.contract.build).
SEALABLE = ("reason", "text_zh", "text_en")

# (device, kid) -> the device's key, None when there is none of that number.
Keys = Callable[[str, int], bytes | None]


class Sealed:
    """Opens the sealed fields of records. Counts `fields_opened` and `fields_sealed_refused`."""

    def __init__(self, keys: Keys, counters: Counter[str]):
        self._keys = keys
        self._counters = counters

    def open(self, origin: Origin, item: Any) -> tuple[Any, dict[str, int]]:
        """Return a decoded record with its sealed fields open, and which those were: name -> key.

        One that cannot be opened (another key, another place, changed on the way) stays as it came, and
        the record is then refused for its shape and kept as unreadable: still sealed.
        """
        if not isinstance(item, dict) or not any(type(each) is dict for each in item.values()):
            return item, {}
        number = item.get(messages.KEY_TYPE)
        if not isinstance(number, int) or number not in messages.RECORDS:
            return item, {}
        opened, names = dict(item), {}
        for field in messages.RECORDS.fields(number):
            key, name, kind = field[:3]
            if key <= KEY_BOOT or name not in SEALABLE or not isinstance(item.get(key), dict):
                continue
            data = self._data(origin, key, item[key])
            if data is None:
                self._counters["fields_sealed_refused"] += 1
                continue
            try:
                opened[key] = data.decode() if kind == TEXT else data
            except UnicodeDecodeError:
                self._counters["fields_sealed_refused"] += 1
                continue
            self._counters["fields_opened"] += 1
            names[name] = key
        return opened, names

    def _data(self, origin: Origin, key: int, sealed: dict[Any, Any]) -> bytes | None:
        kid = sealed.get("kid")
        if not isinstance(kid, int) or isinstance(kid, bool) or not 0 <= kid <= 0xFFFF:
            return None
        secret = self._keys(origin.device, kid)
        if secret is None:
            return None
        cipher = field_cipher(secret, origin.log)
        data = open_field(cipher, origin.device, origin.log, origin.seq, key, sealed)
        return None if data is None else bytes(data)


def hide(values: dict[str, Any], names: dict[str, int]) -> None:
    """Mark the values that came sealed, so that the feed seals them again."""
    for name, key in names.items():
        if values.get(name) is not None:
            values[name] = Hidden(key, values[name])
