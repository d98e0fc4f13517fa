"""A backend's reader, written against the feed document alone: it knows nothing of our code.

    reader.py ASYNCAPI.YAML HOST PORT OUT.JSONL

Subscribes to every channel that the document says is sent, checks every message against its schema
and its topic, removes repeats by `id`, and writes what is left, in order of arrival, one JSON object a
line: {"topic", "body", "valid"}. Repeats are counted in the last line, written at SIGTERM.
"""

import json
import re
import signal
import sys
import threading
from pathlib import Path

import jsonschema
import paho.mqtt.client as mqtt
import yaml


def main(document_path: str, host: str, port: str, out_path: str) -> None:
    """Read until SIGTERM."""
    document = yaml.safe_load(Path(document_path).read_text(encoding="utf-8"))
    channels = []
    for operation in document["operations"].values():
        if operation["action"] != "send":
            continue
        channel = document["channels"][operation["channel"]["$ref"].rsplit("/", 1)[1]]
        (message_ref,) = channel["messages"].values()
        message = document["components"]["messages"][message_ref["$ref"].rsplit("/", 1)[1]]
        schema_path = Path(document_path).parent / message["payload"]["$ref"]
        validator = jsonschema.Draft7Validator(
            json.loads(schema_path.read_text(encoding="utf-8")),
            format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER,
        )
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", channel["address"])
        topic_filter = re.sub(r"\{\w+\}", "+", channel["address"])
        channels.append((topic_filter, re.compile(f"^{pattern}$"), validator))

    seen: set[str] = set()
    repeats = 0
    lock = threading.Lock()

    with open(out_path, "w", encoding="utf-8", buffering=1) as out:

        def on_connect(client, _userdata, _flags, _code, _properties=None):
            client.subscribe([(topic_filter, 1) for topic_filter, _, _ in channels])
            print("subscribed", flush=True)

        def on_message(_client, _userdata, message):
            nonlocal repeats
            if message.topic.endswith("/last"):
                return  # a snapshot, not an event
            body = json.loads(message.payload)
            faults = ["no channel of the document has this topic"]
            for _, pattern, validator in channels:
                if pattern.match(message.topic):
                    faults = [error.message for error in validator.iter_errors(body)]
            with lock:
                if body.get("id") in seen:
                    repeats += 1
                    return
                seen.add(body.get("id"))
                line = {"topic": message.topic, "body": body, "valid": faults or True}
                out.write(json.dumps(line, ensure_ascii=False) + "\n")

        client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id="independent-reader",
            clean_session=False,
            protocol=mqtt.MQTTv311,
        )
        client.on_connect = on_connect
        client.on_message = on_message
        client.reconnect_delay_set(1, 2)
        client.connect(host, int(port), 10)
        client.loop_start()
        done = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: done.set())
        done.wait()
        client.loop_stop()
        with lock:
            out.write(json.dumps({"repeats": repeats}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
