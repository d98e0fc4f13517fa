"""A pick list from outside, checked: `check(obj, bins, store)` gives `(list, None)` or `(None, reason)`.

    {"list": "L1", "store": "demo", "lines": [{"line": 1, "order": "A1001", "sku": "6901234567892",
     "name": "...", "bin": "A1-03-2", "qty": 2}, ...]}

A line may say "heavy": true (taken before what is not), and "substitute": {"sku": ..., "name": ...,
"bin": ..., "qty": ...}: what may be offered when the goods are not there, `qty` for the whole line (as
many as the line's own when it is left out).

Several orders may share a list; each order gets a put-to slot, in the sequence in which they
appear. Nothing here raises on bad input. Keys we do not know are left out of the checked copy.
"""

from ar_picking.guide.shop import is_whole
from protocols.storemap import id_text, printable

MAX_LINES = 200
MAX_QTY = 999
MAX_NUMBER = 65535  # what the pick record carries


def check(obj: object, bins: dict, store: "str | None" = None) -> tuple:
    """A checked copy of a pick list.

    Lines as dicts with line, order, sku, name, bin, qty and slot (from 1), heavy and substitute where
    the list brings them. `bins`: what has the store's bins for keys.
    """
    if not isinstance(obj, dict):
        return None, "the pick list is not an object"
    name = obj.get("list")
    if not _name(name, 40):
        return None, "list is not a name of 1 to 40 bytes without spaces"
    wanted = obj.get("store")
    if wanted is not None and not _name(wanted, 64):
        return None, "store is not a name"
    if store is not None and wanted is not None and wanted != store:
        return None, "the list is for store '{}', this is '{}'".format(wanted, store)
    lines = obj.get("lines")
    if not isinstance(lines, list) or not lines:
        return None, "lines is not a list with at least one line"
    if len(lines) > MAX_LINES:
        return None, "more than {} lines".format(MAX_LINES)
    out = []
    numbers = set()
    goods = set()
    slots = []
    for i in range(len(lines)):
        line, reason = _line(lines[i], bins)
        if line is None:
            return None, "line {} of the list: {}".format(i + 1, reason)
        if line["line"] in numbers:
            return None, "line {} of the list: number {} is there twice".format(i + 1, line["line"])
        numbers.add(line["line"])
        good = (line["order"], line["sku"], line["bin"])
        if good in goods:
            return None, "line {} of the list: the same goods for order {} are there twice".format(
                i + 1, line["order"]
            )
        goods.add(good)
        if line["order"] not in slots:
            slots.append(line["order"])
        line["slot"] = slots.index(line["order"]) + 1
        out.append(line)
    return {"list": name, "store": wanted, "lines": out}, None


def _line(obj: object, bins: dict) -> tuple:
    if not isinstance(obj, dict):
        return None, "not an object"
    number, qty = obj.get("line"), obj.get("qty")
    if not is_whole(number, 1, MAX_NUMBER):
        return None, "line is not a number from 1 to {}".format(MAX_NUMBER)
    if not is_whole(qty, 1, MAX_QTY):
        return None, "qty is not a number from 1 to {}".format(MAX_QTY)
    for key, most in (("order", 40), ("sku", 32)):
        if not _name(obj.get(key), most):
            return None, "{} is not a name of 1 to {} bytes without spaces".format(key, most)
    title = obj.get("name", "")
    if not isinstance(title, str) or not printable(title, 0, 64):
        return None, "name is not a text of at most 64 characters"
    place = obj.get("bin")
    if not _name(place, 24):
        return None, "bin is not a name of 1 to 24 bytes without spaces"
    if place not in bins:
        return None, "bin '{}' is not in this store".format(place)
    out = {
        "line": number,
        "order": obj["order"],
        "sku": obj["sku"],
        "name": title,
        "bin": place,
        "qty": qty,
    }
    heavy, other = obj.get("heavy"), obj.get("substitute")
    if heavy is not None and heavy is not True and heavy is not False:
        return None, "heavy is not true or false"
    if heavy:
        out["heavy"] = True
    if other is not None:
        other, reason = _substitute(other, out, bins)
        if other is None:
            return None, "its substitute: " + reason
        out["substitute"] = other
    return out, None


def _substitute(obj, line, bins):
    if not isinstance(obj, dict):
        return None, "not an object"
    title, qty = obj.get("name", ""), obj.get("qty", line["qty"])
    if not _name(obj.get("sku"), 32) or obj["sku"] == line["sku"]:
        return None, "sku is not another article's name of 1 to 32 bytes without spaces"
    if not isinstance(title, str) or not printable(title, 0, 64):
        return None, "name is not a text of at most 64 characters"
    if not isinstance(obj.get("bin"), str) or obj["bin"] not in bins:
        return None, "bin is not one of this store"
    if not is_whole(qty, 1, MAX_QTY):
        return None, "qty is not a number from 1 to {}".format(MAX_QTY)
    return {"sku": obj["sku"], "name": title, "bin": obj["bin"], "qty": qty}, None


def _name(value: object, high: int) -> bool:
    # in bytes, as the pick record counts: what it cannot carry would never reach the gateway
    return isinstance(value, str) and id_text(value, 1, high)
