"""What every field of the feed means, and how it is classed. Names and ranges live in protocols.

A field is `public`, `internal` (the platform's own systems) or `sensitive` (personal: position and
movement, PIPL art. 28). A name means the same wherever it stands.
"""

PUBLIC, INTERNAL, SENSITIVE = "public", "internal", "sensitive"

_FLAGS = """\
Bits (protocols/fix.py), of which a reader ignores those it does not know: 1 estimated (dead \
reckoning, manual or simulated), 2 week rollover corrected, 4 jump, 8 fewer than four satellites, \
16 datum not WGS-84 or as good, 32 the receiver says caution or unsafe, 64 the time stepped, \
128 sentences disagree."""
_TRUST = """\
What vouches for the reading: `signed` the sensor's key, `counted` the sensor's own count, another than \
the last one heard, `plain` nothing; `untrusted` was refused by the rules of key, counter and replay."""

_CHECKS = (
    "How the steps of the line were confirmed, added up: bin 1 seen, 2 scanned, 4 by hand; goods 8 "
    "scanned, 16 by hand; quantity 32 counted, 64 by hand; slot 128 scanned or named, 256 by hand."
)

FIELDS: dict[str, tuple[str, str]] = {
    # the envelope
    "id": (INTERNAL, "Stable id of the message: the same for every copy. Remove repeats by it."),
    "record": (INTERNAL, "Id of this copy of an alert; `id` is the same for all copies of it."),
    "act": (
        INTERNAL,
        "Id of what an order's level asks for, whoever says it, board or gateway: act once by it.",
    ),
    "stream": (PUBLIC, "The stream, also the last level of the topic."),
    "kind": (PUBLIC, "Whose message it is: rider, picker, door or gateway."),
    "subject": (INTERNAL, "Pseudonym of the person, valid for one shift; the roster resolves it."),
    "log": (INTERNAL, "Which log of the device: order is promised within one."),
    "seq": (INTERNAL, "Place in that log; a jump is a gap, and a health message says why."),
    "t": (PUBLIC, "When it happened, UTC; null when nobody can tell."),
    "t_source": (
        INTERNAL,
        "Where `t` comes from: the device's clock, resolved from its ticks, the gateway, or none.",
    ),
    "received": (INTERNAL, "When the gateway received it, UTC."),
    "replay": (INTERNAL, "It was more than 30 s old when it was received."),
    "event": (PUBLIC, "Which of the stream's events it is."),
    # fix
    "lat_e7": (SENSITIVE, "Latitude, degrees x 1e7."),
    "lon_e7": (SENSITIVE, "Longitude, degrees x 1e7."),
    "alt_cm": (SENSITIVE, "Height above mean sea level."),
    "mode": (INTERNAL, "1 no fix, 2 two-dimensional, 3 three-dimensional."),
    "quality": (INTERNAL, "NMEA GGA quality: 1 GNSS, 2 differential, 4 RTK, 5 float, 6 estimated."),
    "sats_used": (INTERNAL, "Satellites used."),
    "bds_used": (INTERNAL, "BeiDou satellites among them."),
    "hdop_c": (INTERNAL, "Horizontal dilution of precision x 100."),
    "speed_mm_s": (SENSITIVE, "Speed over ground."),
    "course_cdeg": (SENSITIVE, "Course over ground, clockwise from true north."),
    "source": (INTERNAL, "What it comes from."),
    "datum": (INTERNAL, "Geodetic datum of the position."),
    "acc_cm": (INTERNAL, "Estimate of the position's horizontal error, one sigma."),
    "flags": (INTERNAL, _FLAGS),
    "age_ms": (INTERNAL, "Age of the position when the record was written."),
    # temp
    "sensor": (INTERNAL, "Bluetooth address of the sensor, most significant byte first, hex."),
    "temp_cc": (INTERNAL, "Air temperature in the box."),
    "hum_cpct": (INTERNAL, "Relative humidity in the box."),
    "batt_mv": (INTERNAL, "The sensor's battery."),
    "batt_pct": (INTERNAL, "The sensor's battery."),
    "rssi_dbm": (INTERNAL, "Signal strength at the board."),
    "format": (INTERNAL, "Advertising format the reading was decoded from."),
    "adverts": (INTERNAL, "Adverts heard so far."),
    "trust": (INTERNAL, _TRUST),
    # health
    "boot": (INTERNAL, "Number of the start: one more than the last; the first is a random one."),
    "implementation": (INTERNAL, "What executes the firmware."),
    "firmware": (INTERNAL, "Version of the firmware."),
    "heap_free_bytes": (INTERNAL, "Free heap."),
    "nmea_valid": (INTERNAL, "NMEA sentences with a right checksum."),
    "nmea_bad": (INTERNAL, "NMEA sentences that were wrong or too long."),
    "adverts_dropped": (INTERNAL, "Adverts lost for want of room."),
    "connects": (INTERNAL, "Connections to the broker so far."),
    "rewinds": (INTERNAL, "How often sending went back to the last acknowledged record."),
    "evidence_refused": (INTERNAL, "Evidence records that a full ring refused: must be 0."),
    "fix_age_ms": (INTERNAL, "Age of the last fix."),
    "advert_age_ms": (INTERNAL, "Age of the last advert of the box's own sensors."),
    "sats_view": (INTERNAL, "Satellites in view."),
    "track_held": (INTERNAL, "Records in the track ring that wait for their acknowledgement."),
    "evidence_held": (INTERNAL, "Records in the evidence ring that wait for theirs."),
    "error_ms": (INTERNAL, "Largest error of the clock at that moment."),
    "of_log": (INTERNAL, "The log that has the gap."),
    "from_seq": (INTERNAL, "First record that is gone."),
    "to_seq": (INTERNAL, "Last record that is gone."),
    "why": (INTERNAL, "What happened."),
    "raw": (INTERNAL, "The record as it came, hex, when it could not be read (first 1,024 bytes)."),
    # orders, alerts
    "order": (INTERNAL, "The platform's order id."),
    "state": (PUBLIC, "The state it is in now."),
    "command": (INTERNAL, "Id of the command that this answers."),
    "reason": (INTERNAL, "Why, in words."),
    "orders_open": (INTERNAL, "Open orders on the board; at most 12."),
    "alert": (PUBLIC, "What the alert is about."),
    "dist_m": (SENSITIVE, "Distance to the customer."),
    "eta_s": (PUBLIC, "Time until the goods are handed over: riding and hand-over."),
    "ride_s": (INTERNAL, "The riding part of it."),
    "handover_s": (INTERNAL, "The hand-over part of it: parking, gate, lift, walking."),
    "text_zh": (PUBLIC, "The alert in words."),
    "text_en": (PUBLIC, "The alert in words."),
    # picking
    "list": (INTERNAL, "The pick list's id."),
    "line": (INTERNAL, "Line of the pick list."),
    "bin": (INTERNAL, "The bin."),
    "sku": (INTERNAL, "The article."),
    "name": (INTERNAL, "The article's name."),
    "qty": (INTERNAL, "How many were asked for."),
    "found": (INTERNAL, "How many were there (short pick)."),
    "lines": (INTERNAL, "Lines of the list."),
    "picked": (INTERNAL, "Lines picked in full."),
    "short": (INTERNAL, "Lines that were short."),
    "walk_dm": (INTERNAL, "Length of the planned walk."),
    "list_order_dm": (INTERNAL, "Length of the walk in the order of the list: the baseline."),
    "walked_dm": (INTERNAL, "Length of the walk as it was walked."),
    "method": (INTERNAL, "`exact`: proven shortest; `best-found`: not proven."),
    "checks": (INTERNAL, _CHECKS),
    "edge": (INTERNAL, "Number of the walkway in the store's map."),
    "undid": (INTERNAL, "What the picker took back."),
    "substituted": (INTERNAL, "Lines for which another article was picked."),
    "heavy": (INTERNAL, "Taken before what is not heavy."),
    "substitute": (INTERNAL, "What may be offered when the goods are not there."),
    # track
    "vertices": (
        SENSITIVE,
        "The stretch of track: [ms after `from`, latitude, longitude in degrees x 1e7], in order.",
    ),
    "breaks": (INTERNAL, "Places in `vertices` behind which the way to the next is not known."),
    "from": (INTERNAL, "Time of the first vertex, UTC."),
    "bound_cm": (
        INTERNAL,
        "No position that the board had lies farther from the line, at its time.",
    ),
    "motion": (INTERNAL, "What the rider does: standing, on foot, riding."),
    # delay risk
    "level": (PUBLIC, "Level of the answer to delay, from now on."),
    "was": (PUBLIC, "The level or state before."),
    "late_pct": (INTERNAL, "Probability that the order comes late."),
    "slack_s": (INTERNAL, "Time from the expected hand-over to the promised one; negative: late."),
    "sigma_s": (INTERNAL, "One sigma of that expectation."),
    "eta_p90_s": (INTERNAL, "As eta_s, kept in nine cases of ten."),
    "stops_before": (PUBLIC, "How many stops the rider makes before this one."),
    # exceptions
    "code": (INTERNAL, "What happened, from a fixed list."),
    "seconds_s": (INTERNAL, "How long it lasted, or has lasted so far."),
    # cold chain
    "side": (INTERNAL, "Too warm (high) or too cold (low)."),
    "limit_cc": (INTERNAL, "The limit's temperature."),
    "product_cc": (INTERNAL, "Temperature of the goods: the air's, lagged by the profile's time."),
    "peak_cc": (INTERNAL, "The farthest beyond the limit so far."),
    "consecutive_s": (INTERNAL, "Time beyond the limit without a break."),
    "cumulative_s": (INTERNAL, "Time beyond the limit in all."),
    "unknown_s": (INTERNAL, "Time of which nobody knows the temperature: never good."),
    "what": (INTERNAL, "What happened to the box or its sensor."),
    "accel_mg": (INTERNAL, "Magnitude of the acceleration, 0.001 g."),
    "tilt_cdeg": (INTERNAL, "Angle from upright."),
    "verdict": (
        PUBLIC,
        "`pass` and `fail` are proven by readings; `inconclusive` when too much is unknown.",
    ),
    "profile_hash": (INTERNAL, "The first 4 bytes of the profile's SHA-256, hex."),
    "samples": (INTERNAL, "Readings that it rests on."),
    "total_s": (INTERNAL, "From pick-up to hand-over."),
    "min_cc": (INTERNAL, "The coldest reading."),
    "mean_cc": (INTERNAL, "Mean over the known time."),
    "max_cc": (INTERNAL, "The warmest reading."),
    "product_min_cc": (INTERNAL, "The coldest that the goods were."),
    "product_max_cc": (INTERNAL, "The warmest that the goods were."),
    "mkt_cc": (INTERNAL, "Mean kinetic temperature (USP <1079.2>) over the known time."),
    "outside_cc_s": (
        INTERNAL,
        "Degrees beyond the limits times seconds: how much, not only how long.",
    ),
    "longest_s": (INTERNAL, "Longest time beyond a limit without a break."),
    "excursions": (INTERNAL, "How often a limit was broken."),
    "doors": (INTERNAL, "How often the box was opened."),
    "door_s": (INTERNAL, "How long it was open in all."),
    "shocks": (INTERNAL, "Shocks counted."),
    "tilts": (INTERNAL, "Times that it lay on its side."),
    "profile": (INTERNAL, "The profile that applies: of reporting, or of the goods' temperature."),
    # stops
    "sequence": (INTERNAL, "The stops to come: `+A17` fetch order A17, `-A17` hand it over."),
    "late": (INTERNAL, "How many orders of it will miss their promise, as it looks now."),
    # health
    "reset_cause": (INTERNAL, "Why the device started: what its firmware or its power said."),
    "subsystem": (INTERNAL, "The part that was restarted because nothing came from it."),
    "silent_ms": (INTERNAL, "How long nothing had come."),
    "acks_ahead": (INTERNAL, "Acknowledgements of records never sent: flash lost numbers."),
    "logs_begun": (INTERNAL, "Logs begun anew for that."),
    "config": (INTERNAL, "Why a new configuration was refused; the last good one runs."),
    "state_refused": (
        INTERNAL,
        "Snapshots of the application's state that could not be kept: must be 0.",
    ),
    "link_fault": (INTERNAL, "What ended the last connection to a broker."),
    "slot": (INTERNAL, "The firmware slot that runs."),
    "restarts": (INTERNAL, "How often parts were restarted since start-up."),
    # last
    "doing": (INTERNAL, "What the rider does, as his open orders say it."),
    # customer
    "distance": (PUBLIC, "How far the rider still is, in a class; exact distances stay inside."),
    "position": (
        PUBLIC,
        "Where the rider is within 1 km of the door, rounded to about 50 m; for this order's customer.",
    ),
    # stats
    "figures": (INTERNAL, "The gateway's counters and ages by name; a name ends in its unit."),
    # roster
    "device": (SENSITIVE, "The device behind the pseudonym."),
    "shift": (INTERNAL, "The shift, local day yyyymmdd."),
    # intake
    "action": (INTERNAL, "What to do with the order."),
    "drop": (SENSITIVE, "Where the customer is; needed to assign."),
    "promised": (INTERNAL, "When the customer was promised the goods; with a time zone."),
    "store": (INTERNAL, "The store's id."),
    "pickup": (INTERNAL, "Where the goods are fetched; without it they are with the rider."),
    "building": (INTERNAL, "A word for the house: how long handing over takes there is learned."),
    "floor": (SENSITIVE, "The customer's floor; 0 is the ground."),
}

# Fields that stay between a device and its gateway.
_DEVICE: dict[str, tuple[str, str]] = {
    "other_sku": (INTERNAL, "What may be taken instead: the article."),
    "other_name": (INTERNAL, "The same: its name."),
    "other_bin": (INTERNAL, "The same: its bin."),
    "other_qty": (INTERNAL, "The same: how many for the whole line."),
    "logs": (
        INTERNAL,
        "The device's logs: number, 0 evidence or 1 track, oldest held, next to come.",
    ),
    "packed": (SENSITIVE, "The stretch of track as bytes: protocols/line.py."),
    "tick_ms": (INTERNAL, "Time since start-up when it was said."),
    "promised_day": (
        INTERNAL,
        "When the customer was promised the goods: UTC day since 2020-01-01.",
    ),
    "promised_ms": (INTERNAL, "The same: time of that day."),
    "pickup_lat_e7": (INTERNAL, "Where the goods are fetched: latitude, degrees x 1e7."),
    "pickup_lon_e7": (INTERNAL, "The same: longitude."),
}


def about(name: str) -> tuple[str, str]:
    """Return (class, words) of a field of a record or a command."""
    return _DEVICE.get(name) or FIELDS[name]


RECORDS: dict[str, str] = {
    "time": "The clock was set: this start-up's ticks and UTC side by side.",
    "fix": "A position.",
    "temp": "A reading of a sensor in the cold box, or that it fell silent.",
    "health": "A start-up, or the regular report of how the device does.",
    "gap": "Records that are gone, and why.",
    "order": "What became of an order on the board.",
    "alert": "What a customer or a dispatcher must hear.",
    "track": "A stretch of track: a polyline within a known distance of all that the board saw.",
    "risk": "The level of delay risk of an order changed.",
    "exception": "Something out of the ordinary on the way.",
    "excursion": "The state of an order's temperature changed.",
    "integrity": "Something happened to the box, or to its sensor.",
    "verdict": "What the cold chain of an order was worth, at its end.",
    "pick": "A picker's step through a pick list.",
    "stops": "The order in which the rider will make the stops.",
    "hello": "What the device is and what its logs hold, after every connect until it is answered.",
    "now": "The position of right now, while older records are still being sent.",
}
COMMANDS: dict[str, str] = {
    "assign": "Take an order: where to, and promised for when.",
    "cancel": "An order is called off.",
    "handed_over": "An order has been handed over.",
    "picked_up": "An order's goods are with the rider.",
    "failed": "An order cannot be handed over, and why.",
    "reenrol": "A sensor has a new battery or key: its count starts anew.",
    "picklist": "One line of a pick list; the list has come when all its lines have.",
}
