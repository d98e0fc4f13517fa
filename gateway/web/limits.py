"""What goods endure, for the page's temperature bands: the profiles of firmware/rider/profiles.py.

The boards judge by the same lines, so a band on the page is the band of the verdict. Which profile a
sensor's goods have is what the board's excursion and verdict messages say.
"""

from typing import Any

from firmware.rider.profiles import TABLE


def read_profiles(table: str = TABLE) -> dict[str, dict[str, Any]]:
    """Return profile -> {version, low_cc, high_cc, limits}; 0.01 degC, None where there is no bound.

    limits: [{side, threshold_cc, severity, on, mode, seconds_s}], in the profile's order.
    """
    found: dict[str, dict[str, Any]] = {}
    for line in table.splitlines():
        head, *rules = line.split(";")
        name, version, low, high = head.split()[:4]
        limits = []
        for rule in rules:
            side, threshold, severity, on, mode, seconds = rule.split()
            limits.append(
                {
                    "side": side,
                    "threshold_cc": int(threshold),
                    "severity": severity,
                    "on": on,
                    "mode": mode,
                    "seconds_s": int(seconds),
                }
            )
        found[name] = {
            "version": int(version),
            "low_cc": None if low == "-" else int(low),
            "high_cc": None if high == "-" else int(high),
            "limits": limits,
        }
    return found


PROFILES = read_profiles()
