"""What a rider's position means for his customers: times, alerts, risk. One call a position.

The stops come from the plan in riding order, a list of (order, is_drop). An order has `name`, `state` (a
word of messages.ORDER_STATES), `drop`, `pickup` (geo.Base; or None), `promised_day`, `promised_ms`,
`building`, `floor` (or None) and `watch`: set here, and saved with the order (alerts.save_watch).
"""

from firmware.rider import alerts, risk
from firmware.rider.estimate import GNSS, RTK
from firmware.rider.eta import Pace, ride_sigma_s
from firmware.rider.geo import hypot
from firmware.rider.handover import Handover
from firmware.rider.overspeed import Overspeed
from protocols.compat import const
from protocols.fix import WGS84

# Places of a watch, and the bit of an arrival, as in rider.alerts: a const() of another file costs heap.
_LEVEL = const(1)
_FENCE = const(2)
_ARRIVED = const(3)
_CALM = const(4)
_HANDOVER = const(5)
_SPREAD = const(6)
_AT_DOOR = const(4)

_DOUBTS = const(157)  # fix.ESTIMATED | JUMP | FEW | DATUM | DISPUTED

_VERSION = const(1)
_JUDGE_MS = const(5_000)
# At a shop: parking, waiting, taking over (our estimates).
_PICKUP_S = const(120)
_PICKUP_SPREAD_S = const(60)
_ETA_MAX_S = const(86_400)
_AGE_MAX_MS = const(86_400_000)
_DAY_S = const(86_400)
_CM_S = const(500)  # what an unsure position costs: 5 m, a second


class Outlook:
    """Pace, hand-over times, alerts, delay risk and overspeed of one rider.

    on_arrived(order) is called when an order's arrival was recorded. After a call that told something,
    `ride_s handover_s eta_s sigma_s dist_m stops_before` are what it said: riding and all
    hand-overs on the way, their sum, and one sigma of it.
    """

    def __init__(self, journal, on_arrived=None):
        self.pace = Pace()
        self.handover = Handover()
        self.overspeed = Overspeed(journal)
        self.tells_position = True  # off shift nobody's speed is told
        self._journal = journal
        self._on_arrived = on_arrived
        self._judged_ms = -_JUDGE_MS
        self._fresh_ms = 0  # the last position from satellites
        self._now_s = -1  # UTC seconds since 2020: a small int until 2054
        self._at = None
        self._stops: "list | tuple" = ()  # of the last call
        self._spread_s = 0
        self.ride_s = self.handover_s = self.stops_before = 0
        self.eta_s = self.sigma_s = 0
        self.dist_m = -1

    def on_estimate(self, estimate, stops, now_ms: int, day: int, ms: int) -> None:
        """Take a new position; `day`, `ms` UTC now, day -1 while the clock is unset.

        Uses no heap but for a record, and for the watch of an order seen for the first time.
        """
        self.pace.on_estimate(estimate)
        if self.tells_position:
            self.overspeed.on_estimate(estimate)
        if estimate.valid and (estimate.source == GNSS or estimate.source == RTK):
            self._fresh_ms = estimate.t_ms
        # No customer is told by dead reckoning, nor by a position that is in doubt.
        if (
            estimate.valid
            and estimate.acc_cm >= 0
            and estimate.datum == WGS84
            and not estimate.flags & _DOUBTS
        ):
            doubt_cm = estimate.doubt_cm(now_ms)
            self._now_s = day * _DAY_S + ms // 1_000 if day >= 0 else -1
            now_s = self._now_s if day >= 0 else now_ms // 1_000
            for i in range(len(stops)):
                order, is_drop = stops[i]
                if order.watch is None:
                    order.watch = alerts.new_watch()
                if is_drop and order.state != "assigned":
                    self._watch(estimate, stops, i, doubt_cm, now_s)
        self.step(estimate, stops, now_ms, day, ms)

    def _watch(self, estimate, stops, i, doubt_cm, now_s):
        order = stops[i][0]
        watch = order.watch
        if not order.drop.locate(estimate.lat, estimate.lon):
            return
        dist_cm = hypot(order.drop.north_cm, order.drop.east_cm)
        alert = alerts.due(watch, dist_cm, doubt_cm, estimate.acc_cm, now_s)
        if not watch[_FENCE]:
            watch[_ARRIVED] = -1  # passed by, or left again: no hand-over is measured from it
        elif watch[_ARRIVED] < 0:
            watch[_ARRIVED] = self._now_s  # -1 without a clock
        if not alert:
            return
        watch[_HANDOVER] = 0  # asked for again: something may have been learned meanwhile
        for k in range(i + 1):
            self._advance(estimate, stops, k)
        if (
            alerts.tell(self._journal, order, alert, dist_cm, self)
            and alert == _AT_DOOR
            and self._on_arrived is not None
        ):
            self._on_arrived(order)

    def step(self, estimate, stops, now_ms: int, day: int, ms: int) -> None:
        """Judge every order's delay; call it also while no position comes, once in some seconds."""
        self.overspeed.step(now_ms)
        self._stops = stops
        self._now_s = day * _DAY_S + ms // 1_000 if day >= 0 else -1
        if day < 0 or 0 <= now_ms - self._judged_ms < _JUDGE_MS:
            return
        self._judged_ms = now_ms
        for i in range(len(stops)):
            order, is_drop = stops[i]
            if order.watch is None:
                order.watch = alerts.new_watch()
            if estimate.valid:
                self._advance(estimate, stops, i)
            if is_drop and order.promised_day is not None and order.promised_day >= 0:
                self._judge(estimate, order, i, now_ms, day, ms)

    def _judge(self, estimate, order, i, now_ms, day, ms):
        age_ms = min(max(now_ms - self._fresh_ms, 0), _AGE_MAX_MS)
        watch = order.watch
        days = min(max(order.promised_day - day, -1), 1)
        left_s = days * _DAY_S + (order.promised_ms - ms) // 1_000
        left_s = min(max(left_s, -_ETA_MAX_S), _ETA_MAX_S)
        slack_s = left_s
        pct = 100
        self.stops_before = i
        self.dist_m = -1
        if estimate.valid:
            # Unseen, he rode all of the time or none of it: a third of it is the sigma. Where the
            # position has not been moved on meanwhile, half of it is taken off the way.
            unseen_s = max(age_ms // 3_000, estimate.acc_cm // _CM_S)
            self.sigma_s = hypot(self.sigma_s, min(unseen_s, _ETA_MAX_S))
            since_s = min(max(now_ms - estimate.t_ms, 0), _AGE_MAX_MS) // 1_000
            slack_s = max(left_s - self.eta_s + min(since_s, self.ride_s) // 2, -_ETA_MAX_S)
            if order.drop.locate(estimate.lat, estimate.lon):
                self.dist_m = hypot(order.drop.north_cm, order.drop.east_cm) // 100
            if left_s >= 0:
                pct = risk.late_pct(slack_s, self.sigma_s)
        elif left_s >= 0:
            return  # nobody knows where he is, and it is not late yet
        was = watch[_LEVEL]
        level = risk.judge(was, watch[_CALM], pct, self._now_s)
        if level < 0:
            watch[_CALM] = -2 - level
        elif risk.tell(self._journal, order, level, was, pct, slack_s, self, age_ms):
            watch[_LEVEL] = level
            watch[_CALM] = -1

    def _advance(self, estimate, stops, i):
        """Add stop `i` to the expected times; i = 0 begins anew."""
        order, is_drop = stops[i]
        base = order.drop if is_drop or order.pickup is None else order.pickup
        if i == 0:
            self.ride_s = self.pace.ride_s(estimate, base)
            self.handover_s = self._spread_s = 0
        else:
            self.ride_s += self.pace.leg_s(self._at.distance_dm(base.lat, base.lon))
        self.stops_before = i
        here_s, spread_s = _PICKUP_S, _PICKUP_SPREAD_S
        if not is_drop and i and base is self._at:
            here_s = spread_s = 0  # one more order of the same shop
        self._at = base
        if is_drop:
            watch = order.watch
            if not watch[_HANDOVER]:
                watch[_HANDOVER] = self.handover.expect(order.building, order.floor)
                watch[_SPREAD] = self.handover.spread_s
            here_s = watch[_HANDOVER]
            spread_s = watch[_SPREAD]
            if i == 0 and 0 <= watch[_ARRIVED] <= self._now_s:
                # He is at it already; who takes longer than usual is not done the next second.
                here_s = max(here_s - (self._now_s - watch[_ARRIVED]), here_s // 4)
        self.handover_s += here_s
        self._spread_s = hypot(self._spread_s, spread_s)
        self.ride_s = min(self.ride_s, _ETA_MAX_S)
        self.eta_s = min(self.ride_s + self.handover_s, _ETA_MAX_S)
        self.sigma_s = hypot(ride_sigma_s(self.ride_s), self._spread_s)

    def on_order(self, order, state: str) -> None:
        """Learn from an order that is handed over now, which is the time of the last call."""
        watch = order.watch
        if state == "handed_over" and watch is not None and watch[_ARRIVED] >= 0:
            # Without a clock now is -1: a time below 0 is not learned.
            self.handover.learn(order.building, order.floor, self._now_s - watch[_ARRIVED])
            # Who else lives here is served from now on.
            for other, _ in self._stops:
                if other.watch is not None and other.watch[_ARRIVED] >= 0:
                    other.watch[_ARRIVED] = self._now_s

    def save(self):
        """Return what must survive a restart, beside the orders' watches."""
        return [_VERSION, self.pace.save(), self.handover.save()]

    def restore(self, value) -> bool:
        """Take what save() returned, part by part; False when any of it was not understood."""
        if not isinstance(value, list) or len(value) != 3 or value[0] != _VERSION:
            return False
        known = self.pace.restore(value[1])
        return self.handover.restore(value[2]) and known
