"""A whole board on flash in memory, with a simulator's broker: for tests of its life and its cuts."""

from datetime import UTC, datetime, timedelta

from firmware.boards.memory import MemoryFlash
from firmware.main import Board
from firmware.system.config import check
from firmware.system.ringlog import BUFFER_SIZE, RingLog
from protocols import commands, messages
from protocols.cbor import Reader, Writer
from tools.simulate import sentences
from tools.simulate.ride import Sample
from tools.simulate.shift.broker import Broker

NOON = datetime(2026, 11, 22, 4, 0, 0, tzinfo=UTC)  # in Shanghai
HOME = {"lat_e7": 312_400_000, "lon_e7": 1_214_700_000}


class Hardware:
    """The edges of a board, played; `flashes` are what stays when the power goes."""

    def __init__(self, flashes=None):
        self.flashes = flashes or {
            name: MemoryFlash(blocks)
            for name, blocks in (("evidence", 64), ("track", 64), ("state", 16))
        }
        self.t_ms = 0
        self.serial = b""
        self.heard = []
        self.is_reachable = False
        self.published = []
        self.on_publish = None
        self.resets = []
        self.rtc = []
        self.charge_pct = None
        self.broker = Broker(self._take)
        self._state = 7

    def _take(self, topic, payload):
        self.published.append((self.t_ms, topic, bytes(payload)))
        if self.on_publish is not None:
            self.on_publish(topic, bytes(payload))

    def ticks_ms(self):
        return self.t_ms

    def ticks_diff(self, new, old):
        return new - old

    def random(self, n):
        self._state = (self._state * 1103515245 + 12345) & 0x3FFFFFFF
        return (self._state >> 8) % n

    def new_id(self):
        return 1 + self.random(1 << 20)

    def implementation(self):
        return "played"

    def partition(self, name):
        return self.flashes[name]

    def count_boot(self):
        return 1

    def reset_cause(self):
        return "power"

    def reset(self, cause):
        self.resets.append((self.t_ms, cause))

    def feed_watchdog(self):
        pass

    def battery_pct(self):
        return self.charge_pct

    def serial_into(self, buf):
        size = min(len(buf), len(self.serial))
        buf[:size] = self.serial[:size]
        self.serial = self.serial[size:]
        return size

    def serial_write(self, data):
        return len(data)

    def serial_baud(self, baud):
        pass

    def restart_gnss(self):
        pass

    def restart_ble(self):
        pass

    def allow(self, addresses):
        pass

    def listen(self, radio_pct):
        pass

    def set_rtc(self, day, ms):
        self.rtc.append((day, ms))

    def adverts(self, handler, now_ms):
        for address, payload in self.heard:
            handler(address, payload, len(payload), -60, now_ms)
        self.heard = []

    def open_stream(self, host, port, tls=None):
        if not self.is_reachable:
            raise OSError(113)
        self.broker.opened()
        return _Stream(self.broker)

    def wait(self, ms):
        self.t_ms += ms


class _Stream:
    def __init__(self, broker):
        self._broker = broker
        self._in = b""

    def ready(self):
        return True

    def read_into(self, buf):
        self._in += self._broker.give(1_000)
        if not self._in:
            return None
        size = min(len(buf), len(self._in))
        buf[:size] = self._in[:size]
        self._in = self._in[size:]
        return size

    def write(self, buf, start=0, size=0):
        size = size or len(buf) - start
        self._broker.take(bytes(memoryview(buf)[start : start + size]))
        return size

    def close(self):
        pass


class Life:
    """A board from a power-on on; the next one has the same flash: Life(before.hardware.flashes)."""

    def __init__(self, flashes=None, **config):
        self.hardware = Hardware(flashes)
        for flash in self.hardware.flashes.values():
            flash.power_on()
        full = {
            "version": 1,
            "device": "rider-0001",
            "kind": "rider",
            "brokers": [["127.0.0.1", 1883]],
            "profile": "adaptive",
            "health_s": 3_600,
        }
        full.update(config)
        self.board = Board(self.hardware, check(full))
        self.rider = self.board.rider

    def run(self, seconds, start_s=0, receiver=True, each=None):
        """Let seconds pass; the receiver stands at one place and says so, from `start_s` after noon."""
        for second in range(start_s, start_s + seconds):
            if receiver:
                place = Sample(second, 312_300_000, 1_214_700_000, 0.0, None)
                self.hardware.serial += sentences.epoch(place, NOON + timedelta(seconds=second))
            if each is not None:
                each(second)
            for _ in range(10):
                self.board.step(100)

    def command(self, name, kind, **values):
        """Hand a command to the board as the broker would."""
        writer = Writer(bytearray(400))
        commands.put_command(writer, name, 9_000, 0, kind, values)
        self.board.device.commands.on_message(bytes(writer.buf[: writer.n]))

    def assign(self, name, **values):
        promise = {"promised_day": 2_517, "promised_ms": 30_000_000}
        self.command("c-" + name[:30], commands.ASSIGN, order=name, **HOME, **promise, **values)

    def open(self):
        return [(order.name, order.state) for order in self.rider.orders.open]

    def records(self, kind, log="evidence"):
        """The values of the records of a type that a ring holds."""
        number = messages.LOGS.index(log)
        ring = RingLog(
            self.hardware.flashes[log], number, number == 1, lambda: 1, bytearray(BUFFER_SIZE)
        )
        reader = ring.reader(ring.oldest)
        buf = bytearray(1_100)
        found = []
        while reader.seq < ring.next:
            size = reader.read_into(buf, 0, len(buf))
            if size <= 0:
                break
            number, _, values, _ = messages.check_record(Reader(buf, 0, size).read())
            if number == kind:
                found.append(values)
        return found
