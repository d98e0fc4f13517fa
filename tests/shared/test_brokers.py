"""The ordered list of brokers: which is tried when, and how the preferred one is come back to."""

from firmware.system.brokers import Brokers

ENTRIES = [("one", 8883, "one.example"), ("two", 1883, None), ("three", 1883, None)]
FILES = {"ca": "ca.der", "cert": "cert.der", "key": "key.der"}


class Net:
    def __init__(self, entries=ENTRIES, random=lambda n: 0):
        self.tried = []
        self.answers = False
        self.closed = 0
        self.refuses = False
        self.brokers = Brokers(self.open_stream, entries, FILES, random)

    def open_stream(self, host, port, tls=None):
        self.tried.append((host, port, tls))
        if self.refuses:
            raise OSError(111)
        return self

    def ready(self):
        if self.answers is None:
            raise OSError(111)
        return self.answers

    def close(self):
        self.closed += 1

    def hosts(self):
        hosts = [each[0] for each in self.tried]
        self.tried.clear()
        return hosts


def on_the_second(net):
    net.brokers.open()
    net.brokers.open()
    net.brokers.on_up(0)
    assert net.hosts() == ["one", "two"] and net.brokers.at == 1


def test_failed_attempts_go_round_the_list():
    net = Net()
    for _ in range(7):
        net.brokers.open()
    assert net.hosts() == ["one", "two", "three", "one", "two", "three", "one"]


def test_an_attempt_that_fails_at_once_counts_too():
    net = Net()
    net.refuses = True
    for _ in range(4):
        try:
            net.brokers.open()
            raise RuntimeError("opened")
        except OSError:
            pass
    assert net.hosts() == ["one", "two", "three", "one"]


def test_the_one_that_worked_is_tried_first_after_a_lost_connection():
    net = Net()
    on_the_second(net)
    for _ in range(3):
        net.brokers.open()
    assert net.hosts() == ["two", "three", "one"]


def test_a_name_in_the_entry_means_tls_with_the_files_and_that_name():
    net = Net()
    net.brokers.open()
    net.brokers.open()
    assert net.tried == [
        (
            "one",
            8883,
            {"ca": "ca.der", "cert": "cert.der", "key": "key.der", "server_name": "one.example"},
        ),
        ("two", 1883, None),
    ]
    assert "server_name" not in FILES


def test_the_first_is_knocked_at_after_a_while_and_come_back_to_when_it_answers():
    net = Net()
    on_the_second(net)
    assert not net.brokers.step(599_999, True) and net.tried == []
    assert not net.brokers.step(600_000, True)
    assert net.tried == [("one", 8883, None)]  # a knock is plain TCP: nothing is said
    assert not net.brokers.step(600_100, True)
    net.answers = True
    assert net.brokers.step(600_200, True) and net.closed == 1
    net.hosts()
    net.brokers.open()
    net.brokers.on_up(601_000)
    assert net.hosts() == ["one"]
    for now_ms in range(602_000, 9_000_000, 100_000):
        assert not net.brokers.step(now_ms, True)
    assert net.tried == []  # on the first there is nothing to come back to


def test_a_first_that_does_not_answer_costs_nothing():
    for answers in (False, None):
        net = Net()
        on_the_second(net)
        net.answers = answers
        for now_ms in range(0, 2_000_000, 1_000):
            assert not net.brokers.step(now_ms, True)
        assert net.hosts() == ["one"] * 3 and net.closed == 3
    net = Net()
    on_the_second(net)
    net.refuses = True
    for now_ms in range(0, 2_000_000, 1_000):
        assert not net.brokers.step(now_ms, True)
    assert net.hosts() == ["one"] * 3


def test_a_first_that_answers_but_is_no_use_is_asked_less_and_less():
    net = Net()
    on_the_second(net)
    net.answers = True
    switched = []
    for now_ms in range(0, 40_000_000, 10_000):
        if net.brokers.step(now_ms, True):
            switched.append(now_ms // 600_000)
            net.brokers.open()  # the first: refuses us
            net.brokers.open()
            net.brokers.on_up(now_ms)
    assert switched == [1, 3, 7, 15, 31, 47, 63], switched


def test_a_first_that_was_of_use_again_is_asked_as_often_as_before():
    net = Net()
    on_the_second(net)
    net.answers = True
    net.brokers.step(600_000, True)
    assert net.brokers.step(600_000, True)
    net.brokers.open()
    net.brokers.on_up(600_000)  # the first
    net.brokers.open()
    net.brokers.open()
    net.brokers.on_up(700_000)  # lost again: the second
    net.hosts()
    assert not net.brokers.step(1_299_999, True) and net.tried == []
    assert not net.brokers.step(1_300_000, True) and net.hosts() == ["one"]


def test_a_knock_is_given_up_when_the_connection_is_lost():
    net = Net()
    on_the_second(net)
    net.brokers.step(600_000, True)
    net.answers = True
    assert not net.brokers.step(600_100, False) and net.closed == 1


def test_a_city_of_boards_does_not_knock_together():
    asked = []
    net = Net(random=lambda n: asked.append(n) or 0)
    on_the_second(net)
    assert asked == [600_000]


def test_one_broker_is_a_list_too():
    net = Net(entries=[("one", 1883, None)])
    for _ in range(3):
        net.brokers.open()
    net.brokers.on_up(0)
    assert not net.brokers.step(9_000_000, True)
    assert net.hosts() == ["one"] * 3
