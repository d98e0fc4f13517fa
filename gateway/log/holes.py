"""Records that are missing between and behind those that salvage found, as exactly as can be told."""

import sqlite3
from collections.abc import Callable

import msgspec

from gateway.log.losses import Loss, Losses
from gateway.log.own import own_log

# A number that jumps further is a board's own doing.
_HOLE_MAX = 1_000_000


class Known(msgspec.Struct):
    """What a feed message says of itself, as far as salvage asks."""

    id: str
    kind: str = ""
    subject: str = ""
    log: str = ""
    seq: int = 0
    record: str = ""


read_known = msgspec.json.Decoder(Known).decode


_Key = tuple[str, str, str]  # kind, subject, log
# The last record of it that is there: its number, its row's, its id, and when it was received (Unix ms).
_Last = tuple[int, int, str, int]


def count_lost(db: sqlite3.Connection, given: int) -> int:
    """Return how many feed rows are lost at most: numbers that were given, are in no saved row, and are
    beyond what is certainly out of every sink, urgent and routine.

    given: the highest row number that is known to have been given.
    """
    sinks, places, safe = db.execute(
        "SELECT count(DISTINCT sink),count(*),min(safe_id) FROM cursors"
    ).fetchone()
    low = int(safe) if sinks and places == 2 * sinks else 0
    saved = db.execute("SELECT count(*) FROM rows WHERE id>?", (low,)).fetchone()[0]
    return max(0, given - low - int(saved))


def note_holes(
    db: sqlite3.Connection, given: int, record_id: Callable[[str, int, int], str] | None
) -> tuple[int, int, int]:
    """Write down the records that are missing between those of one log that are there, and those from
    the last one that is there to the last that was accepted.

    Returns how many they are, the highest number of a record of the gateway's own, and how many logs
    have no record left, so that nobody can tell what of them is lost. given: the highest row number that
    is known to have been given. record_id(device, log, seq): the feed id of a record, which tells of
    which log a row is; None where the keys are gone: then only what is missing between is known.

    Only where row numbers are missing too: else the board's log has the hole, and it was told.
    """
    losses = Losses(db)
    before: dict[_Key, _Last] = {}
    last_id = 0
    breaks: list[int] = []  # the numbers of rows behind a hole, rising
    noted = highest = 0
    for number, received_ms, payload in db.execute(
        "SELECT id,received_ms,payload FROM rows ORDER BY id"
    ):
        if last_id and number != last_id + 1:
            breaks.append(int(number))
        last_id = int(number)
        try:
            known = read_known(payload)
        except (msgspec.MsgspecError, UnicodeError):
            continue
        if known.log == "gateway":
            highest = max(highest, known.seq)
        if known.log not in ("evidence", "track"):
            continue
        key = (known.kind, known.subject, known.log)
        seq, row, _, _ = before.get(key, (known.seq, last_id, "", 0))
        if known.seq > seq + 1 and breaks and breaks[-1] > row:
            for missing in range(seq + 1, min(known.seq, seq + _HOLE_MAX)):
                losses.note("damaged", *key, missing, int(received_ms))
            noted += known.seq - seq - 1
        before[key] = (known.seq, last_id, known.record or known.id, int(received_ms))
    losses.write()
    if record_id is None:
        return noted, highest, 0
    behind = breaks[-1] if breaks else 0
    if given > last_id:
        behind = given
    more, bare = _note_tails(db, before, behind, record_id)
    return noted + more, highest, bare


def _note_tails(
    db: sqlite3.Connection,
    last: dict[_Key, _Last],
    behind: int,
    record_id: Callable[[str, int, int], str],
) -> tuple[int, int]:
    """Write down what was accepted of each log behind its last record that is there; returns how many
    records, and how many logs have none left. behind: the highest row number that a hole goes up to."""
    losses = Losses(db)
    devices: dict[str, str] = dict(db.execute("SELECT subject,device FROM roster"))
    rings: dict[str, dict[int, int]] = {}
    for device, log, following in db.execute("SELECT device,log,next FROM logs"):
        if following > 1 and log != own_log(device):
            rings.setdefault(device, {})[log] = int(following)
    found: dict[tuple[str, int], tuple[_Key, _Last]] = {}
    for key, place in last.items():
        device = devices.get(key[1], "")
        for log in rings.get(device, {}):
            is_last = place[1] > found.get((device, log), (key, (0, 0, "", 0)))[1][1]
            if is_last and record_id(device, log, place[0]) == place[2]:
                found[device, log] = (key, place)
    noted = 0
    for (device, log), (key, (seq, row, _, at_ms)) in found.items():
        count = rings[device][log] - 1 - seq
        if count > 0 and behind > row:
            losses.add(Loss("damaged", *key, seq + 1, seq + count, count, at_ms))
            noted += count
    return noted, sum(map(len, rings.values())) - len(found)
