"""Every MQTT topic, built and parsed here and nowhere else.

Device tree  o2od/v1/{kind}/{part}/{device}/{leaf}      between a device and the gateway
Feed tree    o2o/v1/{city}/{kind}/{id}/{stream}         what a backend reads
Intake       o2o/v1/{city}/intake/{id}/{what}-in         what a backend sends

`part` is crc32(device) mod 64 in two digits: workers own whole parts, so one device is always read
by one worker.
"""

from protocols.compat import const, crc32

PARTS = const(64)
# 32 characters keep a device id inside one certificate name and one log line.
ID_MAX = const(32)
KINDS = ("rider", "picker", "door")
LEAVES = ("up", "down", "ack", "presence")
# No stream of the feed may end like these: a reader of all orders (.../+/+/order) would get them too.
INTAKE = {"order-in": "order", "picklist-in": "picklist"}


def is_name(text: str) -> bool:
    """Tell whether `text` may be a topic level: 1..32 of a-z 0-9 and '-', not first or last '-'."""
    if not 0 < len(text) <= ID_MAX or text[0] == "-" or text[-1] == "-":
        return False
    for char in text:
        if not ("a" <= char <= "z" or "0" <= char <= "9" or char == "-"):
            return False
    return True


def part_of(device: str) -> str:
    """Return the two-digit part ('00'..'63') that `device` belongs to."""
    part = crc32(device.encode()) % PARTS
    return "{:02d}".format(part)


def device_topic(kind: str, device: str, leaf: str) -> str:
    """Return the topic of one leaf ('up' 'down' 'ack' 'presence') of one device."""
    return "o2od/v1/{}/{}/{}/{}".format(kind, part_of(device), device, leaf)


def device_filter(leaf: str, part: str = "+") -> str:
    """Return the subscription to one leaf of all devices of a part ('+' for all parts)."""
    return "o2od/v1/+/{}/+/{}".format(part, leaf)


def parse_device_topic(topic: str):
    """Return (kind, device, leaf), or None when the topic is not a device's own.

    A topic whose part does not belong to its device is refused: it would bring one device's log to
    two workers.
    """
    levels = topic.split("/")
    if len(levels) != 6 or levels[0] != "o2od" or levels[1] != "v1":
        return None
    kind, part, device, leaf = levels[2], levels[3], levels[4], levels[5]
    if kind not in KINDS or leaf not in LEAVES or not is_name(device) or part != part_of(device):
        return None
    return kind, device, leaf


def feed_topic(city: str, kind: str, subject: str, stream: str) -> str:
    """Return the feed topic of one stream of one subject (a pseudonym for people)."""
    return "o2o/v1/{}/{}/{}/{}".format(city, kind, subject, stream)


def intake_filter(city: str) -> str:
    """Return the subscription to everything a backend sends to this city's gateway."""
    return "o2o/v1/{}/intake/+/+".format(city)


def parse_intake_topic(topic: str):
    """Return (what, id) of an intake topic, `what` being 'order' or 'picklist'; else None."""
    levels = topic.split("/")
    if len(levels) != 6 or levels[0] != "o2o" or levels[1] != "v1" or levels[3] != "intake":
        return None
    if levels[5] not in INTAKE or not levels[4]:
        return None
    return INTAKE[levels[5]], levels[4]
