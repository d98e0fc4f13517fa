"""Records that are missing between those that salvage found: which ones, as exactly as can be told."""

import sqlite3

import msgspec

from gateway.log.losses import Losses

# A number that jumps further is a board's own doing.
_HOLE_MAX = 1_000_000


class Known(msgspec.Struct):
    """What a feed message says of itself, as far as salvage asks."""

    id: str
    kind: str = ""
    subject: str = ""
    log: str = ""
    seq: int = 0


read_known = msgspec.json.Decoder(Known).decode


def note_holes(db: sqlite3.Connection) -> tuple[int, int]:
    """Write down the records that are missing between those of one log that are there.

    Returns how many they are, and the highest number of a record of the gateway's own.

    Only where row numbers are missing too: else the board's log has the hole, and it was told.
    """
    losses = Losses(db)
    before: dict[tuple[str, str, str], tuple[int, int]] = {}
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
        seq, row = before.get(key, (known.seq, last_id))
        if known.seq > seq + 1 and breaks and breaks[-1] > row:
            for missing in range(seq + 1, min(known.seq, seq + _HOLE_MAX)):
                losses.note("damaged", *key, missing, int(received_ms))
            noted += known.seq - seq - 1
        before[key] = (known.seq, last_id)
    losses.write()
    return noted, highest
