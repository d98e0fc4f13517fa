"""What a scanned code is to the line at hand: its bin, its goods, its slot, or something else's."""

from ar_picking.guide.shop import same_code

CODE_MAX = 64
BIN = "bin"
ITEM = "item"
SLOT = "slot"
OTHER_BIN = "wrong_bin"
OTHER_ITEM = "wrong_item"
OTHER_SLOT = "wrong_slot"
UNKNOWN = "unknown_code"

_SLOT = "slot-"  # what is printed on a cart's slot: SLOT-1


def read(code):
    """The code without the blanks and ends that scanners add; None for what is no code at all."""
    if not isinstance(code, str) or len(code) > 4 * CODE_MAX:
        return None
    code = code.strip()
    if not 1 <= len(code) <= CODE_MAX:
        return None
    for c in code:
        if ord(c) < 32:
            return None
    return code


def meaning(code, line, shop):
    """BIN, ITEM or SLOT for what belongs to `line` (as Lines.now gives it), else what is wrong with it.

    A number that is both, a bin's name and an article's, counts as the article: bins are confirmed by
    sight as a rule.
    """
    if same_code(code, line["sku"]) or same_code(code, shop.barcode_of(line["sku"], line["bin"])):
        return ITEM
    if code == line["bin"]:
        return BIN
    slot = slot_of(code)
    if slot:
        return SLOT if slot == line["slot"] else OTHER_SLOT
    if code in shop.bins:
        return OTHER_BIN
    return UNKNOWN if shop.article_of(code) is None else OTHER_ITEM


def slot_of(code):
    """The number on a slot's label 'SLOT-n', 0 for any other code."""
    if code[: len(_SLOT)].lower() != _SLOT:
        return 0
    digits = code[len(_SLOT) :]
    return int(digits) if 1 <= len(digits) <= 3 and digits.isdigit() else 0
