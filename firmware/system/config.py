"""A board's configuration: one JSON object with a version, checked before anything uses it.

Unknown keys are refused: a misspelt key that is silently ignored costs an evening in the field.
"""

import json

from protocols.topics import KINDS, is_name

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
}
# key -> (lowest, highest) of the numbers.
_RANGES = {"health_s": (1, 86_400), "backoff_max_s": (1, 3_600)}
_PORT_MAX = 65_535


class ConfigError(Exception):
    """The configuration is wrong; the message names the key."""

    exit_code = 2


def load(path: str) -> dict:
    """Return the checked configuration in the JSON file `path`; ConfigError says what is wrong."""
    # Told outside the handlers: MicroPython prints a warning where exceptions are chained.
    told = ""
    try:
        with open(path) as file:
            item = json.loads(file.read())
    except (OSError, UnicodeError) as fault:
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
    """Return `config` with the defaults filled in; ConfigError names the first key that is wrong."""
    if not isinstance(config, dict):
        raise ConfigError("the configuration is a JSON object")
    for key in config:
        if key not in _KEYS:
            raise ConfigError("unknown key '{}'; known: {}".format(key, ", ".join(sorted(_KEYS))))
    full = {}
    for key in _KEYS:
        kind, default = _KEYS[key]
        if key not in config:
            if default is None:
                raise ConfigError("key '{}' is missing".format(key))
            full[key] = default
        elif not isinstance(config[key], kind) or config[key] is True:
            raise ConfigError("key '{}' must be {}".format(key, kind.__name__))
        else:
            full[key] = config[key]
    if full["version"] != VERSION:
        raise ConfigError(
            "key 'version' is {}, this firmware reads {}".format(full["version"], VERSION)
        )
    if not is_name(full["device"]):
        raise ConfigError("key 'device' takes 1 to 32 of a-z, 0-9 and '-'")
    if full["kind"] not in KINDS:
        raise ConfigError("key 'kind' is one of {}".format(", ".join(KINDS)))
    if not full["brokers"]:
        raise ConfigError("key 'brokers' lists at least one [host, port]")
    for broker in full["brokers"]:
        if not _is_broker(broker):
            raise ConfigError(
                "key 'brokers' lists [host, port] pairs like [\"10.0.0.5\", 1883], not {}".format(
                    json.dumps(broker)
                )
            )
    for key in _RANGES:
        low, high = _RANGES[key]
        if not low <= full[key] <= high:
            raise ConfigError("key '{}' is {} to {}, not {}".format(key, low, high, full[key]))
    full["sensors"] = [_sensor(each) for each in full["sensors"]]
    return full


def is_port(value) -> bool:
    """Tell whether `value` is a TCP port, 1..65535."""
    return isinstance(value, int) and value is not True and 1 <= value <= _PORT_MAX


def _is_broker(item):
    if not isinstance(item, list) or len(item) != 2:
        return False
    return isinstance(item[0], str) and item[0] != "" and is_port(item[1])


def _sensor(item):
    if not isinstance(item, dict) or sorted(item) != ["address", "name"]:
        raise ConfigError("key 'sensors' lists objects with 'address' and 'name'")
    address = address_bytes(item["address"])
    if address is None:
        raise ConfigError(
            "sensor address '{}' is not like C4:38:00:00:00:01".format(item["address"])
        )
    if not isinstance(item["name"], str) or not item["name"]:
        raise ConfigError("the 'name' of sensor {} is a word".format(item["address"]))
    return address, item["name"]


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
