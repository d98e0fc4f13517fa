"""What a site can lose, with the board's own code on one side and the gateway's on the other.

A ring wiped, the board swapped and the old one back again, the gateway's database restored from
yesterday: what was accepted and not freed arrives, nothing is freed that was not committed, nothing of
another time or board is taken for it, and a loss that cannot be helped is told.
"""

import json
import shutil

import pytest
from test_uplink import Board, Dice, Line, new_flashes

from gateway.feed.identity import Identity
from gateway.feed.writer import FeedWriter
from gateway.frames.pipeline import Pipeline
from gateway.log.store import Store, connect
from gateway.orders.downlink import Downlink
from protocols import messages

START = 1_795_000_000_000


class Site:
    """A gateway in a folder, its present, and the boards that speak to it by one device name."""

    def __init__(self, folder):
        self.folder = folder
        self.now_ms = START
        self._identity = Identity(folder, 8)
        self.open()

    def open(self):
        self.connection = connect(self.folder / "gateway.db")
        self.store = Store(self.connection)
        self.acks = []
        feed = FeedWriter("shanghai", "gw-1", self._identity)
        self.pipeline = Pipeline(
            feed, Downlink(self._publish), self._publish, lambda _rows: None, lambda _now: None
        )

    def _publish(self, topic, payload):
        if topic.endswith("/ack"):
            self.acks.append(messages.read_ack(payload))

    def backup(self, name):
        """Copy the database as it is, as an operator would with the gateway stopped."""
        self.connection.close()
        shutil.copy(self.folder / "gateway.db", self.folder / name)
        self.open()

    def restore(self, name):
        self.connection.close()
        for path in self.folder.glob("gateway.db*"):
            path.unlink()
        shutil.copy(self.folder / name, self.folder / "gateway.db")
        self.open()

    def talk(self, board, line, rounds=60):
        """Connect a board and let it say what it has."""
        board.uplink.on_up(board.clock.now_ms)
        for _ in range(rounds):
            board.step()
            self.now_ms += 50
            while line.sent:
                _, frame = line.sent.pop(0)
                with self.store.transaction():
                    effects = self.pipeline.frame(
                        self.store, "rider", "rider-0001", frame, self.now_ms
                    )
                for effect in effects:
                    effect()
            while self.acks:
                board.ack(*self.acks.pop(0))

    def bodies(self, stream):
        rows = self.connection.execute("SELECT payload FROM rows ORDER BY id").fetchall()
        found = [json.loads(row[0]) for row in rows]
        return [each for each in found if each["stream"] == stream]

    def orders(self):
        return [each["order"] for each in self.bodies("order")]

    def gaps(self):
        found = [each for each in self.bodies("health") if each["event"] == "gap"]
        return [(each["from_seq"], each["to_seq"]) for each in found]


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.connection.close()


def board_with(orders, flashes=None, seed=1):
    line = Line()
    board = Board(flashes or new_flashes(), Dice(seed), line)
    for number in orders:
        assert board.order(number)
    return board, line


def names(numbers):
    return [f"A{number}" for number in numbers]


def test_a_wiped_ring_is_a_new_log_and_what_it_still_held_before_is_not_made_up(site):
    board, line = board_with(range(1, 21))
    site.talk(board, line)
    assert site.orders() == names(range(1, 21)) and board.journal.rings[0].pending == 0
    board, line = board_with(range(100, 105), seed=2)  # all flash erased
    site.talk(board, line)
    assert site.orders() == names([*range(1, 21), *range(100, 105)])
    assert site.gaps() == [] and board.journal.rings[0].pending == 0


def test_a_swapped_board_and_the_old_one_come_back_are_two_logs_of_one_device(site):
    old_flash = new_flashes()
    old, old_line = board_with(range(1, 11), old_flash)
    site.talk(old, old_line)
    for number in range(11, 16):
        old.order(number)  # accepted on the old board, never sent
    new, new_line = board_with(range(50, 60), seed=2)
    site.talk(new, new_line)
    # An ack for the old board's log is none for the new one's.
    new.order(60)
    new.ack(old.journal.rings[0].log, 999)
    assert new.journal.rings[0].pending == 1
    back, back_line = board_with((), old_flash, seed=3)
    site.talk(back, back_line)
    site.talk(new, new_line)
    assert sorted(site.orders(), key=lambda name: int(name[1:])) == names(
        [*range(1, 16), *range(50, 61)]
    )
    assert site.gaps() == []
    assert back.journal.rings[0].pending == new.journal.rings[0].pending == 0


def test_a_gateway_restored_from_yesterday_takes_all_that_boards_still_hold(site):
    board, line = board_with(range(1, 201))
    site.talk(board, line)
    site.backup("yesterday.db")
    for number in range(201, 1_201):
        board.order(number)
        if number % 20 == 0:
            site.talk(board, line, 5)
    for number in range(1_201, 1_211):
        board.order(number)  # not sent yet
    oldest = board.journal.rings[0].oldest
    assert oldest > 400  # the ring has let go of what was committed
    site.restore("yesterday.db")
    assert site.orders() == names(range(1, 201))
    site.talk(board, line, 200)
    # What the board had freed is in the lost database alone, and said to be missing; the rest is here.
    assert site.gaps() == [(201, oldest - 1)]
    assert site.orders() == names([*range(1, 201), *range(oldest, 1_211)])
    assert board.journal.rings[0].pending == 0


def test_a_hello_that_waited_for_hours_does_not_move_the_times(site):
    board, line = board_with(range(1, 3))
    site.talk(board, line)
    site.now_ms += 7_200_000  # the same start: only the message was late
    board.order(3)
    site.talk(board, line)
    assert {each["t"][:13] for each in site.bodies("order")} == {site.bodies("order")[0]["t"][:13]}
