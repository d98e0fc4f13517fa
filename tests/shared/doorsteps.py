"""A rider, his customers and their board's journal, for the tests of what customers are told."""

from firmware.rider.estimate import RIDE, Estimate
from firmware.rider.geo import Base
from protocols import messages
from protocols.cbor import Reader, Writer

HOME = Base((31, 2_300_000), (121, 4_700_000))
DAY, NOON_MS = 2517, 43_200_000


class Order:
    """An open order as firmware.rider.orders has it, `north_m` of HOME."""

    def __init__(self, name="A1", north_m=0, state="picked_up", due_s=None, building=None):
        self.name = name
        self.state = state
        lat, lon = [0, 0], [0, 0]
        HOME.put_at(north_m * 100, 0, lat, lon)
        self.drop = Base(lat, lon)
        self.pickup = None
        self.promised_day = -1 if due_s is None else DAY
        self.promised_ms = 0 if due_s is None else NOON_MS + due_s * 1_000
        self.building = building
        self.floor = None
        self.watch = None


class Journal:
    """Keeps records as they came back from the wire; `full` refuses them all."""

    def __init__(self):
        self.records = []
        self.full = False

    def record(self, kind, values):
        if self.full:
            return False
        writer = Writer(bytearray(640))
        messages.put_record(writer, kind, (1, 0, DAY, NOON_MS), values)
        assert not writer.full
        found, stamp, read, unknown = messages.check_record(Reader(writer.buf, 0, writer.n).read())
        assert found == kind and not unknown, stamp
        self.records.append((kind, read))
        return True

    def of(self, kind):
        return [values for each, values in self.records if each == kind]


class Rider:
    """Moves north and south through HOME; `outlook` is told of every second."""

    def __init__(self, outlook, stops, acc_cm=300):
        self.outlook = outlook
        self.stops = stops
        self.estimate = Estimate()
        self.estimate.valid = True
        self.estimate.acc_cm = acc_cm
        self.estimate.motion = RIDE
        self.now_ms = 0

    def at(self, north_cm, speed_mm_s, seconds=1):
        """Be there, `seconds` after the last time."""
        self.now_ms += seconds * 1_000
        HOME.put_at(north_cm, 0, self.estimate.lat, self.estimate.lon)
        self.estimate.speed_mm_s = speed_mm_s
        self.estimate.t_ms = self.now_ms
        self.outlook.on_estimate(self.estimate, self.stops, self.now_ms, DAY, NOON_MS + self.now_ms)

    def ride(self, from_m, to_m, speed_m_s=5):
        step_cm = speed_m_s * (100 if to_m > from_m else -100)
        for north_cm in range(from_m * 100, to_m * 100, step_cm):
            self.at(north_cm, speed_m_s * 1_000)

    def wait(self, north_m, seconds):
        for _ in range(seconds):
            self.at(north_m * 100, 0)

    def lose(self, seconds):
        """No position comes for so long; only time passes."""
        for _ in range(seconds):
            self.now_ms += 1_000
            self.outlook.step(self.estimate, self.stops, self.now_ms, DAY, NOON_MS + self.now_ms)
