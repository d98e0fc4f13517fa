"""Tables of fields: what stands in a record or a command, written and checked from one list.

A field is (key, name, kind, lo, hi); keys are integers on the wire and never used again for something
else. A reader counts and skips keys that its table lacks.
"""

from protocols.compat import const
from protocols.units import U32_MAX

# Field kinds; what `lo` and `hi` mean is in brackets.
INT = const(0)  # integer [smallest, largest]
ENUM = const(1)  # integer that stands for a word [tuple of the words, 0]
BYTES = const(2)  # byte string [shortest, longest]
TEXT = const(3)  # UTF-8 [shortest, longest, in bytes]
BOOL = const(4)  # true or false [0, 0]
ROWS = const(5)  # array of arrays of integers >= 0 [items in a row, most rows]

ID_MAX = const(40)  # longest order, list or command id, in bytes


def count_fields(fields, values: dict) -> int:
    """Return how many of the `values` (name -> value) put_fields() will write: those not None.

    A name, or an enumeration's word, that the table lacks is a programmer's error and raises KeyError or
    ValueError; call this before anything is written.
    """
    count = known = 0
    for _, name, kind, lo, _ in fields:
        if name in values:
            known += 1
            if values[name] is not None:
                count += 1
                if kind == ENUM:
                    lo.index(values[name])
    if known != len(values):
        raise KeyError("a field that the table lacks is among: " + ", ".join(sorted(values)))
    return count


def put_fields(writer, fields, values: dict) -> None:
    """Write the pairs of a map for the `values` that are not None; count_fields() has seen them."""
    for key, name, kind, lo, _ in fields:
        value = values.get(name)
        if value is not None:
            writer.integer(key)
            writer.value(lo.index(value) if kind == ENUM else value)


def check_fields(item: dict, fields, common_keys: int):
    """Return (values, None, unknown) or (None, why, 0); `item` is left as it is.

    `unknown` counts what a newer minor has added: keys that the table lacks (those up to `common_keys`
    are the record head's and not counted), words that it lacks (their value is None), and numbers
    appended to rows (they are cut off). `why` is 'range:NAME'.
    """
    unknown = 0
    values = {}
    found = 0
    for key, name, kind, lo, hi in fields:
        if key not in item:
            continue
        found += 1
        value = item[key]
        good = False
        if kind == INT:
            good = is_int(value) and lo <= value <= hi
        elif kind == ENUM:
            # A word newer than this table: the field is unknown, the record stands.
            good = is_int(value) and value >= 0
            if good and value < len(lo):
                value = lo[value]
            elif good:
                unknown += 1
                value = None
        elif kind == BYTES:
            good = isinstance(value, bytes) and lo <= len(value) <= hi
        elif kind == TEXT:
            good = isinstance(value, str) and lo <= len(value.encode()) <= hi
        elif kind == BOOL:
            good = value is True or value is False
        elif kind == ROWS:
            good = _are_rows(value, lo, hi)
            if good:
                for row in value:
                    unknown += len(row) - lo
                value = [row[:lo] for row in value]
        if not good:
            return None, "range:" + name, 0
        values[name] = value
    common = 0
    for key in item:
        if is_int(key) and 0 <= key <= common_keys:
            common += 1
    return values, None, unknown + len(item) - found - common


def is_int(value) -> bool:
    """Tell whether `value` is an integer; True and False are not."""
    return isinstance(value, int) and value is not True and value is not False


def _are_rows(value, width, most):
    if not isinstance(value, list) or len(value) > most:
        return False
    for row in value:
        if not isinstance(row, list) or len(row) < width:
            return False
        for number in row:
            if not is_int(number) or not 0 <= number <= U32_MAX:
                return False
    return True
