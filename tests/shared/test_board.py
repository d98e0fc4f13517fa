"""Clock, configuration and commands of a board."""

from firmware.system import config
from firmware.system.clock import Clock
from firmware.system.commands import Commands
from protocols import commands
from protocols.cbor import Writer


class Ticks:
    """A counter that wraps at 2^30 like a board's."""

    def __init__(self, start=0):
        self.value = start

    def now(self):
        return self.value & 0x3FFFFFFF

    def diff(self, new, old):
        return ((new - old + 0x20000000) & 0x3FFFFFFF) - 0x20000000


def test_time_goes_on_over_the_wrap_of_the_counter():
    ticks = Ticks(0x3FFFFF00)
    clock = Clock(ticks.now, ticks.diff)
    for _ in range(10):
        ticks.value += 1000
        clock.tick()
    assert clock.now_ms == 10_000


def test_utc_goes_on_from_where_it_was_set_and_over_midnight():
    ticks = Ticks()
    clock = Clock(ticks.now, ticks.diff)
    assert (clock.day(), clock.ms()) == (-1, 0)
    assert clock.set(2517, 86_399_000, "gnss")
    ticks.value += 2_500
    clock.tick()
    assert (clock.day(), clock.ms()) == (2518, 1_500)


def test_jitter_of_the_source_is_no_step():
    ticks = Ticks()
    clock = Clock(ticks.now, ticks.diff)
    clock.set(2517, 1_000, "gnss")
    assert not clock.set(2517, 1_400, "gnss")
    assert clock.ms() == 1_000
    assert clock.set(2517, 1_600, "gnss")


def good():
    return {
        "version": 1,
        "device": "rider-0001",
        "kind": "rider",
        "brokers": [["127.0.0.1", 1883]],
        "sensors": [{"address": "C4:38:00:00:00:01", "name": "box"}],
    }


def refusal(**changes):
    item = good()
    for key in changes:
        if changes[key] is None:
            del item[key]
        else:
            item[key] = changes[key]
    try:
        config.check(item)
    except config.ConfigError as fault:
        return str(fault)
    return ""


def test_a_good_config_gets_its_defaults():
    full = config.check(good())
    assert full["profile"] == "every-epoch"
    assert full["sensors"] == [(bytes((0xC4, 0x38, 0, 0, 0, 1)), "box")]


def test_a_wrong_config_is_told_by_its_key():
    for changes, word in (
        ({"brokres": []}, "brokres"),
        ({"device": None}, "device"),
        ({"device": "Rider 1"}, "device"),
        ({"kind": "plane"}, "kind"),
        ({"version": 2}, "version"),
        ({"version": True}, "version"),
        ({"brokers": []}, "brokers"),
        ({"brokers": ["127.0.0.1"]}, "brokers"),
        ({"sensors": [{"address": "C4:38", "name": "x"}]}, "C4:38"),
        ({"sensors": [{"address": "C4:38:00:00:00:GG", "name": "x"}]}, "sensor 1"),
        ({"sensors": ["C4"]}, "sensors"),
        ({"health_s": "30"}, "health_s"),
        ({"health_s": 0}, "health_s"),
        ({"backoff_max_s": 3_601}, "backoff_max_s"),
        ({"brokers": [[5, 1883]]}, "[5, 1883]"),
        ({"brokers": [["", 1883]]}, "brokers"),
        ({"brokers": [["127.0.0.1", 65_536]]}, "65536"),
        ({"brokers": [["127.0.0.1", True]]}, "brokers"),
        ({"sensors": [{"address": "C4:38:00:00:00:01", "name": 5}]}, "name"),
    ):
        assert word in refusal(**changes), changes
    assert refusal() == ""


def test_a_missing_or_broken_file_is_told():
    for path, word in (("/nonexistent/config.json", "cannot read"),):
        try:
            config.load(path)
        except config.ConfigError as fault:
            assert word in str(fault)
            continue
        raise AssertionError("it was loaded")


def command(name, day=2518, kind=commands.CANCEL):
    writer = Writer(bytearray(200))
    commands.put_command(writer, name, day, 0, kind, {"order": "A1"})
    return bytes(writer.buf[: writer.n])


def test_a_command_is_carried_out_once_and_not_after_its_time():
    ticks = Ticks()
    clock = Clock(ticks.now, ticks.diff)
    done = []
    board = Commands(clock, lambda name, kind, values: done.append(name) or kind == commands.CANCEL)
    board.on_message(command("c1"))
    board.on_message(command("c1"))
    assert done == ["c1"] and board.repeated == 1
    clock.set(2519, 0, "gnss")
    board.on_message(command("c2"))
    assert board.expired == 1
    board.on_message(command("c3", 2520))
    board.on_message(command("c4", 2520, commands.HANDED_OVER))
    board.on_message(b"\x00")
    assert done == ["c1", "c3", "c4"]
    assert (board.done, board.refused) == (2, 2)
    for number in range(40):
        board.on_message(command("d%d" % number, 2520))
    assert len(board._seen) == 32
