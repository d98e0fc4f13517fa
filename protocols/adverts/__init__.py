"""BLE advertisements of cold-chain sensors: one maker a file, dispatch here.

`decode(payload, size, reading)` looks at (AD type, id, length, first byte) together: the tables
below find the file by type and id, the file looks at length and first byte. A company id alone is never
enough (Inkbird puts address bytes there). What is not ours costs a walk over the AD structures and
gives None.

Read: BTHome v2, Ruuvi 3, 5 and 6, pvvx and ATC1441, ELA Blue, Teltonika EYE, MikroTik TG-BT5,
Blue Maestro Tempo Disc, Eddystone-TLM, Sensirion, SwitchBot meters. BTHome v1, MiBeacon, Ruuvi E1
(extended advertising), Govee, Inkbird and the like are not, and give None.

Sealed adverts (BTHome, pvvx) need a key: protocols/adverts/sealed.py. How far an advert may be
trusted: protocols/adverts/guard.py.
"""

from protocols.adverts.reading import NONE, Reading
from protocols.compat import const

# AD types (Bluetooth Assigned Numbers, section 2.3)
_SERVICE_16 = const(0x16)
_MANUFACTURER = const(0xFF)
_ELA_TEMPERATURE = const(0x2A6E)
_ELA_HUMIDITY = const(0x2A6F)

# 16-bit UUID or company id -> its decoder(buf, pos, end, reading) -> bool, or where to import it from:
# a maker's file is loaded when its first advert comes, for a board hears two or three of them and each
# takes a kilobyte of heap. A decoder gets what follows the id, at least one byte.
_services: dict = {
    0xFCD2: "bthome.decode",
    0x181A: "atc.decode",
    0x2A6E: "ela.decode_temperature",
    0x2A6F: "ela.decode_humidity",
    0xFEAA: "eddystone.decode",
    0xFD3D: "switchbot.decode",
    0x0D00: "switchbot.decode",
}
_makers: dict = {
    0x0499: "ruuvi.decode",
    0x0757: "ela.decode",
    0x089A: "teltonika.decode",
    0x094F: "mikrotik.decode",
    0x0133: "tempo.decode",
    0x06D5: "sensirion.decode",
}
_service = _services.get
_maker = _makers.get


def _load(kind, number):
    """Import a decoder, keep it in its table, return it."""
    table = _services if kind == _SERVICE_16 else _makers
    module, name = table[number].split(".")
    decoder = getattr(__import__("protocols.adverts." + module, None, None, (name,)), name)
    table[number] = decoder
    return decoder


def decode(payload, size: int, reading: Reading, key=None):
    """Read the AD payload `payload[:size]` into `reading` and return the format's word.

    `payload` is bytes-like, `size` at most its length. None (and a cleared reading) for what is not
    of a known format, is malformed, or is sealed and cannot be opened. `key` (a
    protocols.adverts.sealed.Key) opens the sealed adverts of its sensor. The first structure of a
    known format is the one that is read; an AD structure of length 0 or past the end of the payload
    ends it. A plain advert takes no heap.
    """
    if reading.format is not None:
        reading.clear()
    if key is not None:
        key.forget()
    pos = 0
    last = size - 5  # where the last structure can begin that holds an id and one byte more
    while pos <= last:
        end = pos + 1 + payload[pos]
        if end > size or end == pos + 1:
            break
        # Of a structure of less than four bytes the type is looked at, and bytes of the next one as
        # its id: the check of `end` is what decides.
        kind = payload[pos + 1]
        if kind == _SERVICE_16:
            number = payload[pos + 2] | payload[pos + 3] << 8
            decoder = _service(number)
        elif kind == _MANUFACTURER:
            number = payload[pos + 2] | payload[pos + 3] << 8
            decoder = _maker(number)
        else:
            pos = end
            continue
        if decoder is not None and end > pos + 4:
            if decoder.__class__ is str:
                decoder = _load(kind, number)
            if reading.format is not None:
                # ELA's two halves are two structures; nothing else is added to what was read.
                if number == _ELA_TEMPERATURE or number == _ELA_HUMIDITY:
                    decoder(payload, pos + 4, end, reading)
            elif decoder(payload, pos + 4, end, reading):
                if reading.format != "ela":
                    return reading.format
            else:
                reading.clear()
                if key is not None and key.open(payload, pos, end, reading):
                    return reading.format
        pos = end
    return reading.format


__all__ = ["NONE", "Reading", "decode"]
