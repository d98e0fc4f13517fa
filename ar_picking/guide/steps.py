"""States of a guide, the confirmations of a line, and how each was given."""

IDLE = "idle"
WALK = "walk"  # on the way to a bin, or looking for its marker
PICK = "pick"  # the bin is confirmed; the goods are not
RETURN = "return"  # everything is over; on the way to the exit
DONE = "done"

# confirmations of a line, in their sequence; `done` holds one bit each
STEPS = ("bin", "item", "qty", "put")
BIN_BIT = 1
ITEM_BIT = 2
QTY_BIT = 4
PUT_BIT = 8
# how they were given, field `checks` of the pick record
BIN_SEEN = 1
BIN_SCANNED = 2
BIN_BY_HAND = 4
ITEM_SCANNED = 8
ITEM_BY_HAND = 16
QTY_COUNTED = 32
QTY_BY_HAND = 64
PUT_SCANNED = 128
PUT_BY_HAND = 256
# of `checks`, what stays when a step is taken back: how those before it were confirmed
BEFORE = {"item": ITEM_SCANNED - 1, "qty": QTY_COUNTED - 1, "put": PUT_SCANNED - 1}

UNREACHABLE = "unreachable"  # the reason of a short that no picker gave
