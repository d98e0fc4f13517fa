"""What the streams are for, and the words that stand before the whole contract."""

STREAMS: dict[str, str] = {
    "fix": "Positions of riders, each epoch that the report profile selects.",
    "temp": "Readings of the sensors in a rider's cold box; a sensor that fell silent is `lost`.",
    "health": "Start-ups, reports, clock settings and gaps of devices.",
    "order": "States of orders on the rider's board, and their receipt by the gateway.",
    "alert": "What a customer or a dispatcher must hear, each once by `id`.",
    "pick": "Steps of a picker through a pick list.",
    "track": "Where riders went, as polylines within a known distance of every position.",
    "risk": "Orders that threaten to be late: warn, intervene, compensate.",
    "exception": "What happened on the way, by a fixed list of codes.",
    "excursion": "Goods that left their temperature range, step by step.",
    "integrity": "What happened to the cold box and its sensors; the verdict over each order.",
    "stops": "The order of a rider's stops, whenever it changes.",
    "presence": "A device came on line, went off line, or is silent with orders open.",
    "roster": "Whose pseudonym a subject is. For the platform's access-controlled systems only.",
    "last": "The newest position of a rider, retained, at most once in 10 s, gone after 300 s.",
    "customer": "What the customer of an order may know, retained, at most once in 10 s: a class of "
    "distance, within 1 km of the door a position to about 50 m. Taken back (an empty message) "
    "when the order is over, gone after 300 s.",
    "stats": "A gateway's own figures, retained, once a minute; gone after 180 s.",
}

TITLE = "o2o-edge backend feed"
ABOUT = """\
What a city's gateway tells the platform, and what the platform may tell the gateway.

Delivery is at least once, in order within one log of one device (`subject`, `log`, `seq`); repeats
have the same `id`. Across logs evidence overtakes positions. A reader keeps a session (or reads from a
durable stream) and removes repeats by `id`; nothing else is needed to lose nothing.

All messages are JSON at QoS 1. On MQTT 5 they carry the content type, a message expiry where one makes
sense, and the user properties `id` and `schema`; a 3.1.1 reader needs none of them. Numbers are
integers in the unit that their name ends with: `_e7` degrees x 1e7; `_mm _cm _dm _m` metres; `_cdeg`
0.01 degree; `_cc` 0.01 degC; `_cpct` 0.01 %; `_mv` mV; `_ms _s` seconds; `_c` x 100. Positions are
WGS-84.

A text that a board sealed stays sealed here: `{enc, kid, n, c}` in its place, which only a holder of the
city's field key can open.

Changes inside v1 only add: fields, words of the extensible enumerations, streams. A reader ignores
what it does not know.
"""
