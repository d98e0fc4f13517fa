"""A board's configuration: one JSON object with a version, checked before anything uses it.

Unknown keys are refused: a misspelt key that is silently ignored costs an evening in the field. A fault
names the key and never shows a sensor's key material. After the start a board may forget this module
(sys.modules): what check() returns is plain values. How a new configuration is tried out and the last
good one kept: firmware.system.trial.
"""

import json
from binascii import unhexlify

from firmware.system.errors import ConfigError
from protocols.topics import KINDS, is_name

__all__ = ("VERSION", "ConfigError", "address_bytes", "check", "is_port", "load", "parse")

VERSION = 1

# key -> (type, default); None as default: the key is required.
_KEYS: dict = {
    "version": (int, None),
    "device": (str, None),
    "kind": (str, None),
    "brokers": (list, None),
    "profile": (str, "every-epoch"),
    "sensors": (list, []),
    "health_s": (int, 30),
    "backoff_max_s": (int, 60),
    "board": (dict, {}),
    "tls": (dict, {}),
    "receiver": (dict, {}),
    "shift": (dict, {}),
}
PROFILES = ("every-epoch", "adaptive")
# Command sets of protocols.receivers, which is too large to be loaded for their names alone.
SETUPS = ("none", "casic", "pmtk", "pair", "pqtm", "ublox8", "ublox9")
DATUMS = ("wgs84", "gcj02")
# key -> (lowest, highest) of the numbers.
_RANGES = {"health_s": (1, 86_400), "backoff_max_s": (1, 3_600)}
_PORT_MAX = 65_535
_RATE_MS = (100, 1_000)
_DAYS_MAX = 65_535
_SENSORS_MAX = 4
_KEY_DIGITS = 32
_SENSOR = ("address", "key", "name", "profile")
_PLAIN_MAX = 16
_TLS_FILES = ("ca", "cert", "key")
# key -> (lowest, highest) of 'shift', in minutes: of the local day, and local time less UTC.
_SHIFT = {"start_min": (0, 1_439), "end_min": (0, 1_439), "utc_offset_min": (-720, 840)}


def load(path: str) -> dict:
    """Return the checked configuration in the JSON file `path`; ConfigError says what is wrong."""
    # Told outside the handlers: MicroPython prints a warning where exceptions are chained.
    told = ""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as fault:
        told = "cannot read {}: {}; write the board's config there".format(path, fault)
    if told:
        raise ConfigError(told)
    return parse(data, path)


def parse(data: bytes, path: str) -> dict:
    """Return the checked configuration that the JSON text `data` of the file `path` holds."""
    told = ""
    try:
        item = json.loads(data.decode())
    except UnicodeError as fault:
        told = "cannot read {}: {}; write the board's config there".format(path, fault)
    except ValueError as fault:
        told = "{} is not JSON: {}".format(path, fault)
    if not told:
        try:
            return check(item)
        except ConfigError as fault:
            told = "{}: {}".format(path, fault)
    raise ConfigError(told)


def check(config) -> dict:
    """Return `config` checked and with the defaults filled in; ConfigError names the first wrong key.

    In the result `brokers` are (host, port, server_name) with server_name None for plain TCP, `sensors`
    (address: 6 bytes, name) or, where one of them is given, (address, name, key: 16 bytes or None,
    profile or None); `receiver` has all of setup, datum, rate_ms and build_days (since 1970, or None);
    `tls` and `shift` (empty: always on shift) are empty or whole.
    """
    if not isinstance(config, dict):
        raise ConfigError("the configuration is a JSON object")
    _only(config, _KEYS, "the configuration")
    full = {}
    for key in _KEYS:
        kind, default = _KEYS[key]
        if key not in config:
            if default is None:
                raise ConfigError("key '{}' is missing".format(key))
            full[key] = default
        elif not isinstance(config[key], kind) or config[key] is True or config[key] is False:
            raise ConfigError("key '{}' must be {}".format(key, kind.__name__))
        else:
            full[key] = config[key]
    if full["version"] != VERSION:
        raise ConfigError(
            "key 'version' is {}, this firmware reads {}".format(full["version"], VERSION)
        )
    if not is_name(full["device"]):
        raise ConfigError("key 'device' takes 1 to 32 of a-z, 0-9 and '-'")
    _one_of("kind", full["kind"], KINDS)
    _one_of("profile", full["profile"], PROFILES)
    for key in _RANGES:
        _in_range("key '{}'".format(key), full[key], _RANGES[key])
    full["tls"] = _tls(full["tls"])
    full["brokers"] = [_broker(each, full["tls"]) for each in full["brokers"]]
    if not full["brokers"]:
        raise ConfigError("key 'brokers' lists at least one [host, port]")
    full["sensors"] = _sensors(full["sensors"])
    full["receiver"] = _receiver(full["receiver"])
    full["shift"] = _shift(full["shift"])
    if full["profile"] == "adaptive" and full["receiver"]["datum"] != "wgs84":
        raise ConfigError(
            "key 'profile': 'adaptive' tells WGS-84 alone; use 'every-epoch' with this receiver"
        )
    return full


def _only(item, known, where):
    for key in item:
        if key not in known:
            raise ConfigError(
                "unknown key '{}' in {}; known: {}".format(key, where, ", ".join(sorted(known)))
            )


def _one_of(key, value, known):
    if value not in known:
        raise ConfigError("key '{}' is '{}'; known: {}".format(key, value, ", ".join(known)))


def _in_range(name, value, limits):
    if not _is_int(value) or not limits[0] <= value <= limits[1]:
        told = "{} is {} to {}, not {}"
        raise ConfigError(told.format(name, limits[0], limits[1], json.dumps(value)))


def _is_int(value):
    return isinstance(value, int) and value is not True and value is not False


def is_port(value) -> bool:
    """Tell whether `value` is a TCP port, 1..65535."""
    return _is_int(value) and 1 <= value <= _PORT_MAX


def _tls(item):
    _only(item, _TLS_FILES, "key 'tls'")
    for key in item:
        name = item[key]
        # A plain name beside config.json: the configuration must not point anywhere else.
        if not isinstance(name, str) or not name or "/" in name or name[0] == ".":
            raise ConfigError(
                "'{}' of key 'tls' is the name of a file beside config.json".format(key)
            )
    if item and len(item) != len(_TLS_FILES):
        raise ConfigError("key 'tls' names three files: 'ca', 'cert' and 'key'")
    return item


def _broker(item, tls):
    if isinstance(item, list) and len(item) == 2 and _is_host(item[0]) and is_port(item[1]):
        return item[0], item[1], None
    if (
        not isinstance(item, dict)
        or not _is_host(item.get("host"))
        or not is_port(item.get("port"))
    ):
        # Of an object the keys alone are shown: it may be a sensor's, with its key, in the wrong place.
        shown = sorted(item) if isinstance(item, dict) else item
        raise ConfigError(
            "key 'brokers' lists [host, port] pairs like [\"10.0.0.5\", 1883], or objects with 'host', "
            "'port' and 'tls', not {}".format(json.dumps(shown))
        )
    _only(item, ("host", "port", "tls", "server_name"), "key 'brokers'")
    server_name = item.get("server_name", item["host"])
    secure = item.get("tls", False)
    if secure is not True and secure is not False:
        raise ConfigError("'tls' of broker '{}' is true or false".format(item["host"]))
    if not _is_host(server_name) or (not secure and "server_name" in item):
        raise ConfigError(
            "'server_name' of broker '{}' is the name in its certificate, with 'tls': true".format(
                item["host"]
            )
        )
    if secure and not tls:
        raise ConfigError("broker '{}' asks for TLS: key 'tls' is missing".format(item["host"]))
    return item["host"], item["port"], server_name if secure else None


def _is_host(value):
    return isinstance(value, str) and value != ""


def _sensors(items):
    if len(items) > _SENSORS_MAX:
        raise ConfigError("key 'sensors' lists at most {}".format(_SENSORS_MAX))
    sensors: list = []
    for item in items:
        where = "sensor {} of key 'sensors'".format(len(sensors) + 1)
        sensor = _sensor(item, where)
        for other in sensors:
            if other[0] == sensor[0]:
                raise ConfigError("'address' of {} is listed twice".format(where))
        sensors.append(sensor)
    return sensors


def _sensor(item, where):
    # No value is shown, not even of an address: where two were exchanged it is the key.
    if not isinstance(item, dict) or "address" not in item or "name" not in item:
        raise ConfigError("{} must be an object with 'address' and 'name'".format(where))
    for key in item:
        if key not in _SENSOR:
            named = " '{}'".format(key) if _is_plain(key) else ""
            told = "unknown key{} in {}; known: {}"
            raise ConfigError(told.format(named, where, ", ".join(_SENSOR)))
    address = address_bytes(item["address"])
    if address is None:
        raise ConfigError("'address' of {} is not like C4:38:00:00:00:01".format(where))
    for key in ("name", "profile"):
        if key in item and (not isinstance(item[key], str) or not item[key]):
            raise ConfigError("'{}' of {} is a word".format(key, where))
    if "key" not in item and "profile" not in item:
        return address, item["name"]
    key = None
    if "key" in item:
        key = _key_bytes(item["key"])
        if key is None:
            raise ConfigError("'key' of {} is 32 hex digits".format(where))
    return address, item["name"], key, item.get("profile")


def _is_plain(key):
    """Tell whether a key is a misspelt word, and not the text of a sensor's key in the wrong place."""
    if len(key) > _PLAIN_MAX:
        return False
    for char in key:
        if not ("a" <= char <= "z" or "A" <= char <= "Z" or char == "_"):
            return False
    return True


def _key_bytes(text):
    if not isinstance(text, str) or len(text) != _KEY_DIGITS:
        return None
    for char in text:
        if char not in "0123456789abcdefABCDEF":
            return None
    return unhexlify(text)


def _receiver(item):
    _only(item, ("setup", "datum", "rate_ms", "build_days"), "key 'receiver'")
    full = {"setup": "none", "datum": "wgs84", "rate_ms": 1_000, "build_days": None}
    full.update(item)
    _one_of("setup", full["setup"], SETUPS)
    _one_of("datum", full["datum"], DATUMS)
    _in_range("'rate_ms' of key 'receiver'", full["rate_ms"], _RATE_MS)
    if "build_days" in item:
        _in_range("'build_days' of key 'receiver'", item["build_days"], (0, _DAYS_MAX))
    return full


def _shift(item):
    _only(item, _SHIFT, "key 'shift'")
    if item:
        for key in _SHIFT:
            _in_range("'{}' of key 'shift'".format(key), item.get(key), _SHIFT[key])
    return item


def address_bytes(text):
    """Return the 6 bytes of 'AA:BB:CC:DD:EE:FF', most significant first; None when it is not one."""
    parts = text.split(":") if isinstance(text, str) else ()
    if len(parts) != 6:
        return None
    try:
        numbers = [int(part, 16) for part in parts]
    except ValueError:
        return None
    for number in numbers:
        if not 0 <= number <= 255:
            return None
    return bytes(numbers)
