"""What a GNSS receiver is told at start-up, as bytes: constellations, sentences, rate and baud.

At 9600 baud a modern receiver that lists its satellites every second overruns the line, so the mask is
RMC, GGA and GSA with every epoch and GSV with every fifth. Five command sets, named by family:

| family | receivers | source |
|---|---|---|
| casic | AT6558, AT6668, L76K, ATGM336H ($PCAS) | CASIC "Protocol specification" V4 (in Chinese) |
| pmtk | L70, L76, L80, L86, MT333x ($PMTK) | GlobalTop "PMTK command packet", Quectel L76/L86 |
| pair | LC76G, LC86G, LC29H, AG3335 ($PAIR) | Quectel "LC26G&LC76G&LC86G GNSS Protocol Specification" |
| pqtm | LG290P, LC02H, LS550G ($PQTM) | Quectel "LG290P GNSS Protocol Specification" |
| ublox8 ublox9 | M8; M9, M10, F9 (UBX) | see receivers.ubx |

The specifications were read in quotation and in public drivers; every sentence form is tested against
a published example with its checksum.
"""

from protocols.compat import const
from protocols.receivers import ubx

# Bits for `systems`.
GPS = const(1)
BDS = const(2)
GLO = const(4)
GAL = const(8)
QZS = const(16)

FAMILIES = ("casic", "pmtk", "pair", "pqtm", "ublox8", "ublox9")

# Results of a command, as answer() tells them.
DONE = const(0)
FAILED = const(1)  # understood, and could not be done or had bad parameters
UNKNOWN = const(2)  # not a command of this receiver
WORKING = const(3)  # PAIR: being done, a second answer follows

_CASIC_BAUDS = (4800, 9600, 19200, 38400, 57600, 115200)
_BAUDS = (4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
# Bytes of RMC, GGA and five GSA, and of one list of satellites with five systems, both rounded up from
# logs of L76K and NEO-M9N; a byte takes ten bits on the line.
_EPOCH_BYTES = const(450)
_GSV_BYTES = const(900)
# The shortest and the longest time between epochs that every member of a family takes.
_RATE_MIN_MS = 100
_RATE_MAX_MS = 1000
# PMTK314 takes 0..5; the others 0..9 and more.
_GSV_MAX = 5

_PMTK_RESULT = (UNKNOWN, UNKNOWN, FAILED, DONE)  # invalid, unsupported, failed, done
# sent, being processed, failed, not supported, bad parameter, busy
_PAIR_RESULT = (DONE, WORKING, FAILED, UNKNOWN, FAILED, FAILED)


def sentence(body: bytes) -> bytes:
    """Return `$body*hh` and a line end: an NMEA command with its checksum."""
    xor = 0
    for byte in body:
        xor ^= byte
    return b"$" + body + b"*%02X\r\n" % xor


def setup(
    family: str, rate_ms: int = 1000, gsv_every: int = 5, baud: int = 115200, systems: int = 11
) -> list:
    """Return the commands that set a receiver up, to be sent in this order, one answer at a time.

    `rate_ms` 100..1000 between epochs; `gsv_every` 1..5 epochs between lists of satellites, 0 none;
    `systems` bits (GPS | BDS | GAL as a start: three that need no second radio band); `baud` last,
    because everything after it goes at the new rate. Nothing is saved: a receiver that lost power
    comes back as it was, and `save(family)` is for a bench, not for every start (flash wears out).
    ValueError, naming what would do, for another family, rate or baud, and for a baud too low for what
    is asked: a line that is too slow cuts sentences.
    """
    _known(family)
    if not _RATE_MIN_MS <= rate_ms <= _RATE_MAX_MS:
        raise ValueError("rate_ms must be 100..1000, not %d" % rate_ms)
    if not 0 <= gsv_every <= _GSV_MAX:
        raise ValueError("gsv_every must be 0..5, not %d" % gsv_every)
    bytes_s = _EPOCH_BYTES * 1000 // rate_ms
    if gsv_every:
        bytes_s += _GSV_BYTES * 1000 // (rate_ms * gsv_every)
    if bytes_s * 10 > baud:
        raise ValueError("%d baud carry %d bytes/s; this needs %d" % (baud, baud // 10, bytes_s))
    parts = [constellations(family, systems)]
    parts.extend(mask(family, gsv_every))
    parts.append(rate(family, rate_ms))
    parts.append(baud_change(family, baud))
    return parts


def constellations(family: str, systems: int) -> bytes:
    """Return the command that chooses `systems` (bits); a system the family lacks is left out.

    A u-blox receiver restarts its navigation on it, so it comes first.
    """
    _known(family)
    if not systems & (GPS | BDS | GLO | GAL):
        raise ValueError("systems must name GPS, BDS, GLO or GAL")
    if family == "casic":
        if not systems & 7:
            raise ValueError("casic knows GPS, BDS and GLO only")
        return sentence(b"PCAS04,%d" % (systems & 7))
    gps, bds, glo, gal, qzs = [1 if systems & bit else 0 for bit in (GPS, BDS, GLO, GAL, QZS)]
    if family == "pmtk":
        return sentence(b"PMTK353,%d,%d,%d,0,%d" % (gps, glo, gal, bds))
    if family == "pair":
        return sentence(b"PAIR066,%d,%d,%d,%d,%d,0" % (gps, glo, gal, bds, qzs))
    if family == "pqtm":
        return sentence(b"PQTMCFGCNST,W,%d,%d,%d,%d,%d,0" % (gps, glo, gal, bds, qzs))
    if family == "ublox8":
        return ubx.cfg_gnss(gps, bds, glo, gal, qzs)
    return ubx.signals(gps, bds, glo, gal, qzs)


def mask(family: str, gsv_every: int) -> list:
    """Return the commands for RMC, GGA and GSA every epoch, GSV every `gsv_every`, nothing else."""
    _known(family)
    if family == "casic":
        # GGA GLL GSA GSV RMC VTG ZDA ANT DHV LPS - - UTC GST
        return [sentence(b"PCAS03,1,0,1,%d,1,0,0,0,0,0,,,0,0" % gsv_every)]
    if family == "pmtk":
        # GLL RMC VTG GGA GSA GSV, then twelve that stay off
        return [sentence(b"PMTK314,0,1,0,1,1,%d" % gsv_every + b",0" * 13)]
    if family == "pair":
        # 0 GGA 1 GLL 2 GSA 3 GSV 4 RMC 5 VTG 6 ZDA
        kinds = (1, 0, 1, gsv_every, 1, 0, 0)
        return [sentence(b"PAIR062,%d,%d" % (i, kinds[i])) for i in range(7)]
    every = (
        (b"GGA", 1),
        (b"GLL", 0),
        (b"GSA", 1),
        (b"GSV", gsv_every),
        (b"RMC", 1),
        (b"VTG", 0),
    )
    if family == "pqtm":
        return [sentence(b"PQTMCFGMSGRATE,W," + name + b",%d" % count) for name, count in every]
    if family == "ublox8":
        # BeiDou and Galileo satellites are listed from NMEA 4.1 on; M8 starts with 4.0.
        return [ubx.cfg_nmea_41()] + [ubx.cfg_msg(name, count) for name, count in every]
    return [ubx.outputs(every)]


def rate(family: str, rate_ms: int) -> bytes:
    """Return the command for one epoch every `rate_ms`.

    LG290P takes it up after PQTMSAVEPAR and a restart only (form seen in public drivers).
    """
    _known(family)
    if family == "casic":
        return sentence(b"PCAS02,%d" % rate_ms)
    if family == "pmtk":
        return sentence(b"PMTK220,%d" % rate_ms)
    if family == "pair":
        return sentence(b"PAIR050,%d" % rate_ms)
    if family == "pqtm":
        return sentence(b"PQTMCFGFIXRATE,W,%d" % rate_ms)
    if family == "ublox8":
        return ubx.cfg_rate(rate_ms)
    return ubx.measure_every(rate_ms)


def baud_change(family: str, baud: int) -> bytes:
    """Return the command for `baud`; PAIR receivers take it up after a restart (PAIR864)."""
    _known(family)
    allowed = _CASIC_BAUDS if family == "casic" else _BAUDS
    if baud not in allowed:
        raise ValueError("baud for %s must be one of %s" % (family, allowed))
    if family == "casic":
        return sentence(b"PCAS01,%d" % _CASIC_BAUDS.index(baud))
    if family == "pmtk":
        return sentence(b"PMTK251,%d" % baud)
    if family == "pair":
        return sentence(b"PAIR864,0,0,%d" % baud)
    if family == "pqtm":
        return sentence(b"PQTMCFGUART,W,%d" % baud)
    if family == "ublox8":
        return ubx.cfg_prt(baud)
    return ubx.uart_baud(baud)


def save(family: str) -> bytes:
    """Return the command that keeps the settings over a power cut; b"" for pmtk, which cannot."""
    _known(family)
    if family == "casic":
        return sentence(b"PCAS00")
    if family == "pmtk":
        return b""
    if family == "pair":
        return sentence(b"PAIR513")
    if family == "pqtm":
        return sentence(b"PQTMSAVEPAR")
    return ubx.cfg_cfg_save()


def casic_restart(mode: int) -> bytes:
    """Return $PCAS10: 0 hot, 1 warm, 2 cold, 3 factory settings; ValueError for another."""
    if not 0 <= mode <= 3:
        raise ValueError("mode must be 0..3, not %d" % mode)
    return sentence(b"PCAS10,%d" % mode)


def casic_model(model: int) -> bytes:
    """Return $PCAS11: a dynamic model 0..7; ValueError for another.

    3 is a vehicle in all public code; 1 is quoted as still in some and as on foot in other.
    """
    if not 0 <= model <= 7:
        raise ValueError("model must be 0..7, not %d" % model)
    return sentence(b"PCAS11,%d" % model)


def answer(body):
    """Return (command, result) of a checked sentence that acknowledges one, else None.

    `body` is the sentence between `$` and `*`: b"PMTK001,220,3" gives (b"PMTK220", DONE),
    b"PQTMCFGUART,ERROR,1" (b"PQTMCFGUART", FAILED). CASIC does not acknowledge.
    """
    parts = bytes(body).split(b",")
    name = parts[0]
    if name in (b"PMTK001", b"PAIR001"):
        results = _PMTK_RESULT if name == b"PMTK001" else _PAIR_RESULT
        if len(parts) < 3 or len(parts[1]) > 3 or not parts[1].isdigit() or len(parts[2]) != 1:
            return None
        result = parts[2][0] - 0x30
        if not 0 <= result < len(results):
            return None
        return name[:4] + b"0" * (3 - len(parts[1])) + parts[1], results[result]
    if name[:4] == b"PQTM" and len(parts) > 1:
        if parts[1] == b"OK":
            return name, DONE
        if parts[1] == b"ERROR":
            return name, UNKNOWN if parts[2:3] == [b"3"] else FAILED
    return None


def _known(family):
    if family not in FAMILIES:
        raise ValueError("family must be one of %s, not %s" % (", ".join(FAMILIES), family))
