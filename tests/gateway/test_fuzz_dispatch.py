"""Orders moved about at random over lines that lose, and boards that restart: in the end all agree.

The invariant: when everything has been heard, an order that is open is open on the board of the device
that holds it and on no other, and one that is over is open nowhere.
"""

import pytest
from mutate import Chance, rounds

from gateway.log.book import OVER
from protocols.commands import ASSIGN, CANCEL

DEVICES = ("rider-0001", "rider-0002", "rider-0003")
ORDERS = ("X1", "X2")
DROP = {"lat_e7": 312345678, "lon_e7": 1214567890}


class Board:
    """What firmware.rider.orders and firmware.system.commands do, as far as orders go."""

    def __init__(self, site, device):
        self.site = site
        self.device = device
        self.boot = 1
        self.open = set()
        self.seen = set()
        self.unsent = []

    def take(self, loses):
        for name, _, _, kind, values in self.site.down.pop(self.device, []):
            if loses() or name in self.seen:
                continue
            self.seen.add(name)
            order = values["order"]
            if kind == ASSIGN:
                self.open.add(order)
                state = "assigned"
            else:
                self.open.discard(order)
                state = "cancelled" if kind == CANCEL else "handed_over"
            self.unsent.append((state, order, name))

    def send(self):
        for state, order, command in self.unsent:
            self.site.order_state(self.device, state, order, command)
        self.unsent.clear()

    def restart(self):
        self.boot += 1
        self.open.clear()
        self.seen.clear()

    def hello(self):
        self.site.hello(self.device, self.boot)


def step(site, boards, sent, chance):
    """One thing that happens; `sent` is what was sent before, for a broker or a sender to repeat."""
    what, board, order = chance.below(8), boards[chance.below(3)], ORDERS[chance.below(2)]
    if what <= 1:
        promised = f"2026-11-22T12:20:00.{chance.below(1_000_000):06d}Z"
        body = {"order": order, "device": board.device, "drop": DROP, "promised": promised}
        if sent and chance.below(3) == 0:
            site.send("order", chance.pick(sent), retained=chance.below(2) == 0)
        else:
            site.send("order", body)
            sent.append(body)
    elif what == 2:
        end = {"order": order, "action": ("cancel", "handed_over")[chance.below(2)]}
        site.send("order", end, retained=chance.below(4) == 0)
    elif what == 3:
        board.restart()
        board.hello()
    elif what == 4:
        board.hello()
    elif what == 5:
        board.send()
    else:
        board.take(lambda: chance.below(3) == 0)


def settle(site, boards):
    for _ in range(6):
        for board in boards:
            board.send()
            board.hello()
            board.take(lambda: False)
            board.send()


@pytest.mark.timeout(1_800)  # a soak makes 50,000 rounds of about 5 ms
def test_fuzz_an_order_is_open_where_it_is_held_and_nowhere_else(site):
    chance = Chance("orders and boards")
    site.connection.execute("PRAGMA synchronous=OFF")
    boards = [Board(site, device) for device in DEVICES]
    for board in boards:
        board.hello()
    for number in range(rounds(2_000) // 20):
        sent = []
        for _ in range(20):
            step(site, boards, sent, chance)
            waits = [(device, order) for device, _, order in site.waiting()]
            assert len(set(waits)) == len(waits)
        settle(site, boards)
        assert site.waiting() == [], number
        for order in ORDERS:
            held = site.store.book.order(order)
            where = [board.device for board in boards if order in board.open]
            is_open = held is not None and held.state not in OVER
            assert where == ([held.device] if is_open else []), (number, order, held)
