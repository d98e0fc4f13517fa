"""A device on the network: clock, rings, broker connection, uplink and commands, whatever its role.

The rider's board and the picker's tablet are both this with a role on top.
"""

from firmware import VERSION
from firmware.system.clock import Clock
from firmware.system.commands import Commands
from firmware.system.journal import open_journal
from firmware.system.mqtt import Mqtt
from firmware.system.uplink import Uplink
from protocols import messages
from protocols.topics import device_topic


class Device:
    """The system part of a device.

    hardware: an object of firmware.boards; config: of system.config; on_command(id, kind, values):
    carries out a command, False when it is not for this role; put_now(writer): see Uplink.
    """

    def __init__(self, hardware, config: dict, on_command, put_now):
        self._hardware = hardware
        self._config = config
        self.clock = Clock(hardware.ticks_ms, hardware.ticks_diff)
        self.boot = hardware.count_boot()
        self.journal = open_journal(hardware, self.clock, self.boot)
        self.commands = Commands(self.clock, on_command)
        kind, device = config["kind"], config["device"]
        self._topic_ack = device_topic(kind, device, "ack").encode()
        self._topic_down = device_topic(kind, device, "down").encode()
        self._topic_presence = device_topic(kind, device, "presence").encode()
        self._broker = -1
        self._announce = False
        self.mqtt = Mqtt(
            self._open_stream,
            hardware.random,
            device,
            (self._topic_presence, b"offline"),
            self._on_up,
            self._on_message,
            backoff_max_ms=config["backoff_max_s"] * 1_000,
        )
        self.uplink = Uplink(
            self.mqtt,
            self.journal,
            device_topic(kind, device, "up").encode(),
            self._put_hello,
            put_now,
            hardware.random,
        )

    def step(self, now_ms: int) -> None:
        """Move what can be moved between the rings, the broker and the role, without waiting."""
        self.mqtt.step(now_ms)
        while self.uplink.step(now_ms):
            pass
        self.uplink.tell_now(now_ms)
        if self._announce and self.mqtt.room():
            sent = self.mqtt.publish(self._topic_presence, b"online", 6, 1, now_ms, True)
            self._announce = sent < 0

    def record_health(self, event: str, values: dict) -> None:
        """Store a health record: 'boot' or 'report', with the role's own `values`."""
        evidence, track = self.journal.rings
        values["event"] = event
        values["boot"] = self.boot
        values["firmware"] = VERSION
        values["connects"] = self.mqtt.connects
        values["rewinds"] = self.uplink.rewinds
        values["evidence_refused"] = evidence.refused
        values["track_held"] = track.pending
        values["evidence_held"] = evidence.pending
        if event == "boot":
            values["implementation"] = self._hardware.implementation()
        self.journal.record(messages.HEALTH, values)

    def _open_stream(self):
        # The brokers are an ordered list; each attempt takes the next one.
        brokers = self._config["brokers"]
        self._broker = (self._broker + 1) % len(brokers)
        return self._hardware.open_stream(brokers[self._broker][0], brokers[self._broker][1])

    def _on_up(self):
        now_ms = self.clock.now_ms
        self._broker -= 1  # the next attempt starts with the one that worked
        self.mqtt.subscribe((self._topic_ack, self._topic_down), now_ms)
        self._announce = True
        self.uplink.on_up(now_ms)

    def _on_message(self, topic, payload):
        if topic == self._topic_ack:
            self.uplink.on_ack(payload, self.clock.now_ms)
        elif topic == self._topic_down:
            self.commands.on_message(payload)

    def _put_hello(self, writer):
        logs = [[ring.log, ring.kind, ring.oldest, ring.next] for ring in self.journal.rings]
        messages.put_record(
            writer,
            messages.HELLO,
            self.journal.stamp(),
            {
                "logs": logs,
                "boot": self.boot,
                "implementation": self._hardware.implementation(),
                "firmware": VERSION,
                "profile": self._config["profile"],
                "tick_ms": self.clock.now_ms,
            },
        )
