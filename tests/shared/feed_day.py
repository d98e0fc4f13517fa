"""Messages of the feed for the tests of its tools: valid ones, and what may befall them on the way."""

import base64
import hashlib
import json

from tools.contract.examples import EXAMPLES
from tools.feed.heard import Heard, ms_of
from tools.feed.schemas import expected_topic

CITY = "shanghai"
T = "2026-11-22T11:52:28.000Z"


def made_id(*parts):
    """An id as the gateway makes them: the same for the same parts."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return base64.b32encode(digest).decode()[:26]


def message(stream, seq=1, subject="aaaaaaaaaa", log="evidence", **fields):
    """A valid message: the document's example with other fields."""
    body = {**EXAMPLES[stream], "subject": subject, "log": log, "seq": seq}
    body["id"] = made_id(subject, log, seq)
    if stream == "alert":
        body["record"] = made_id("record", subject, log, seq)
    body.update(fields)
    if "t" in fields and "received" not in fields and fields["t"] is not None:
        body["received"] = fields["t"]
    return body


def snapshot(stream, **fields):
    """A valid message that is no record."""
    return {**EXAMPLES[stream], **fields}


def heard(body, **how):
    """The message as it comes from a broker."""
    at_ms = ms_of(body.get("received")) or ms_of(body.get("t")) or ms_of(T)
    topic = how.pop("topic", expected_topic(body, CITY))
    payload = json.dumps(body, ensure_ascii=False).encode()
    return Heard(at_ms, topic, payload, **how)


def roster(subject, device, seq):
    """Whose pseudonym a subject is."""
    return message("roster", seq, subject, "gateway", device=device)


def gap(subject, of_log, first, last, seq, log="gateway"):
    """A message that tells of records that are gone."""
    fields = {"event": "gap", "from_seq": first, "to_seq": last, "why": "overwritten"}
    if of_log:
        fields["of_log"] = of_log
    body = message("health", seq, subject, log, **fields)
    if not of_log:
        del body["of_log"]
    return body
