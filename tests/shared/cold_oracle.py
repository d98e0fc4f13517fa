"""Brute force: what a cold-chain trip must amount to, by 1 s resampling and exact decimals.

Written from the rules in docs/cold.md, not from the evaluator: it keeps the whole trace, walks every
second of it, and reckons the product's temperature with 40 decimals. Times are whole seconds.
"""

ONE = 10**40


def parse(line):
    """A profile line as plain dicts."""
    parts = line.split(";")
    _, _, low, high, back, gap, tau, _ = parts[0].split(" ")
    limits = []
    for part in parts[1:]:
        side, threshold, severity, on, mode, seconds = part.split(" ")
        limits.append(
            {
                "side": side,
                "threshold": int(threshold),
                "severity": severity,
                "on": on,
                "mode": mode,
                "seconds": int(seconds),
            }
        )
    return {
        "low": None if low == "-" else int(low),
        "high": None if high == "-" else int(high),
        "back": int(back),
        "gap": int(gap),
        "tau": int(tau),
        "limits": limits,
    }


def resample(samples, end_s, gap_s):
    """The air in every second [t, t + 1) from 0 to end_s, None where it is unknown."""
    air = []
    for second in range(end_s):
        value = None
        for t_s, cc in samples:
            if t_s <= second:
                value = cc if second - t_s < gap_s else None
        air.append(value)
    return air


def products(air, tau_s):
    """The product in the same seconds, times ONE; it follows at the end of each known second."""
    out = []
    p = None
    for a in air:
        if a is not None and p is None:
            p = a * ONE
        out.append(p if a is not None else None)
        if a is not None:
            p += (a * ONE - p) // (tau_s + 1)
    return out


def beyond(limit, value, back=0):
    """Whether `value` (times ONE) is at the threshold or past it, or, with `back`, not clear of it."""
    edge = limit["threshold"] * ONE
    if limit["side"] == "high":
        return value >= edge if not back else value > edge - back * ONE
    return value <= edge if not back else value < edge + back * ONE


def run_limit(limit, values, back):
    """(seconds in all, longest event, events, was it ever met, is it met at the end)."""
    total = longest = run = events = 0
    event = ever = live = False
    for value in values:
        if value is None:
            continue
        if beyond(limit, value):
            if not event:
                events += 1
            event = True
            run += 1
            total += 1
            longest = max(longest, run)
            met = (
                limit["mode"] == "instant"
                or (limit["mode"] == "consecutive" and run >= limit["seconds"])
                or (limit["mode"] == "cumulative" and total >= limit["seconds"])
            )
            if met:
                live = ever = True
        elif event and not beyond(limit, value, back):
            event = live = False
            run = 0
    return total, longest, events, ever, live


def settle(line, samples, end_s):
    """Everything a verdict tells, for samples [(t_s, cc)] in order of time and a trip of end_s."""
    profile = parse(line)
    air = resample(samples, end_s, profile["gap"])
    known = [a for a in air if a is not None]
    product = products(air, profile["tau"])
    scaled = [None if a is None else a * ONE for a in air]
    said = {"total_s": end_s, "unknown_s": end_s - len(known), "limits": []}
    for side in ("high", "low"):
        said[side] = 0
    failed = False
    for limit in profile["limits"]:
        values = scaled if limit["on"] == "air" else product
        total, longest, _, ever, live = run_limit(limit, values, profile["back"])
        said["limits"].append(total)
        side = limit["side"]
        if limit["severity"] == "out":
            failed = failed or ever
            if live:
                said[side] = 2
            elif ever and said[side] != 2:
                said[side] = 3
    for limit in profile["limits"]:
        values = scaled if limit["on"] == "air" else product
        side = limit["side"]
        if limit["severity"] == "warn" and run_limit(limit, values, profile["back"])[4]:
            said[side] = said[side] or 1
    said["outside_s"] = said["longest_s"] = said["events"] = said["outside_cc_s"] = 0
    for side, edge in (("high", profile["high"]), ("low", profile["low"])):
        if edge is not None:
            sign = 1 if side == "high" else -1
            limit = {"side": side, "threshold": edge + sign, "mode": "instant", "seconds": 0}
            total, longest, events, _, _ = run_limit(limit, scaled, profile["back"])
            said["outside_s"] += total
            said["longest_s"] = max(said["longest_s"], longest)
            said["events"] += events
            for a in known:
                said["outside_cc_s"] += max(sign * (a - edge), 0)
    if known:
        said["min_cc"], said["max_cc"] = min(known), max(known)
        said["mean_cc"] = (2 * sum(known) + len(known)) // (2 * len(known))
        reached = [p for p in product if p is not None]
        said["product_min_cc"] = -(-min(reached) // ONE)
        said["product_max_cc"] = max(reached) // ONE
    unknown = said["unknown_s"]
    if failed:
        said["verdict"] = "fail"
    elif not known or unknown > 300 or 10 * unknown > end_s:
        said["verdict"] = "inconclusive"
    else:
        said["verdict"] = "pass"
    return said


def random_line(chance):
    """A profile with limits short enough to be met in a trace of a few minutes.

    No tau of 1..8 s, which no goods have: after 20 tau at rest the product is nearer to the air than the
    evaluator's 28 bits tell, and a jump that then lands on a threshold within one second is a matter of
    the last bit (seen once in some 60,000 traces with tau 1: one second more).
    """
    low = chance.pick((None, 0, 200))
    high = chance.pick((400, 800) if low is None else (None, 400, 800))
    back = chance.pick((1, 20, 50))
    parts = [
        "random 1 {} {} {} {} {} 30".format(
            "-" if low is None else low,
            "-" if high is None else high,
            back,
            chance.pick((5, 12, 30, 60)),
            chance.pick((0, 9, 40, 300)),
        )
    ]
    for _ in range(1 + chance.below(5)):
        side = chance.pick([s for s, edge in (("high", high), ("low", low)) if edge is not None])
        edge = high if side == "high" else low
        away = chance.pick((0, 1, 100, 400))
        parts.append(
            "{} {} {} {} {} {}".format(
                side,
                edge + away if side == "high" else edge - away,
                chance.pick(("warn", "out")),
                chance.pick(("air", "product")),
                chance.pick(("instant", "consecutive", "cumulative")),
                chance.pick((0, 1, 7, 20, 45, 90)),
            )
        )
    return ";".join(parts)


def random_trace(chance, line):
    """(samples, end_s): walks, jumps, plateaus at the thresholds, silences; the first may come late."""
    profile = parse(line)
    edges = [limit["threshold"] for limit in profile["limits"]]
    edges += [edge for edge in (profile["low"], profile["high"]) if edge is not None]
    samples = []
    now = chance.below(12) if chance.below(4) == 0 else 0
    cc = chance.pick(edges) + chance.below(400) - 200
    for _ in range(chance.below(45)):
        samples.append((now, cc))
        kind = chance.below(10)
        if kind < 5:
            cc += chance.below(121) - 60
        elif kind < 7:
            cc = chance.pick(edges) + chance.pick((-51, -50, -49, -20, -2, -1, 0, 0, 1, 2, 20, 50))
        elif kind == 7:
            cc = chance.pick(edges) + chance.below(2001) - 1000
        now += chance.pick((0, 1, 1, 1, 2, 3, 5, 8)) if chance.below(25) else chance.below(100)
    return samples, now + chance.below(20)


def merged(samples, centre_cc):
    """Of the samples of one moment only the one that counts: the farther from the centre, or higher."""
    out = []
    for t_s, cc in samples:
        if out and out[-1][0] == t_s:
            old = out.pop()[1]
            if (abs(old - centre_cc), old) > (abs(cc - centre_cc), cc):
                cc = old
        out.append((t_s, cc))
    return out


def told(trip, verdict):
    """The same from the evaluator; the places in its state are typed again here."""
    state, rows = trip.state, trip.profile.rows
    ranges = 0
    for k in range(0, len(rows), 7):
        ranges += rows[k + 6] == 0
    said = {
        "total_s": state[6] / 1000,
        "unknown_s": state[7] / 1000,
        "high": state[24],
        "low": state[25],
        "longest_s": state[22] / 1000,
        "events": state[23],
        "outside_s": verdict.outside_ms(trip) / 1000,
        "outside_cc_s": verdict.outside_cc_s(trip),
        "limits": [state[32 + 3 * i + 1] / 1000 for i in range(ranges, len(rows) // 7)],
        "verdict": ("pass", "fail", "inconclusive")[verdict.judge(trip)[0]],
    }
    if state[6] > state[7]:
        said["min_cc"], said["max_cc"] = state[9], state[10]
        said["product_min_cc"], said["product_max_cc"] = state[11], state[12]
        said["mean_cc"] = verdict.mean_cc(trip)
    return said
