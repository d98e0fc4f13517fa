"""A device on the network: clock, rings, broker connection, uplink and commands, whatever its role.

The rider's board and the picker's tablet are both this with a role on top.
"""

from firmware import VERSION
from firmware.system.brokers import Brokers
from firmware.system.clock import Clock
from firmware.system.commands import Commands
from firmware.system.forget import forget
from firmware.system.journal import open_journal
from firmware.system.mqtt import Mqtt
from firmware.system.uplink import Uplink
from protocols import messages


class Device:
    """The system part of a device.

    hardware: an object of firmware.boards; config: of system.config; on_command(id, kind, values):
    carries out a command, False when it is not for this role; put_now(writer): see Uplink; on_up():
    called when a connection stands; before_send(now_ms): called before anything is sent.
    """

    def __init__(self, hardware, config: dict, on_command, put_now, on_up, before_send=None):
        self._hardware = hardware
        self._config = config
        self._role_up = on_up
        self._before_send = before_send
        self.clock = Clock(hardware.ticks_ms, hardware.ticks_diff)
        self.boot = hardware.count_boot()
        self.journal = open_journal(hardware, self.clock, self.boot)
        self.commands = Commands(self.clock, on_command)
        from protocols.topics import device_topic  # here, to be forgotten

        kind, device = config["kind"], config["device"]
        self._topic_up = device_topic(kind, device, "up").encode()
        self._topic_ack = device_topic(kind, device, "ack").encode()
        self._topic_down = device_topic(kind, device, "down").encode()
        self._topic_presence = device_topic(kind, device, "presence").encode()
        del device_topic
        forget("protocols.topics")
        self._brokers = Brokers(
            hardware.open_stream, config["brokers"], config.get("tls"), hardware.random
        )
        self._announce = False
        self.mqtt = Mqtt(
            self._brokers.open,
            hardware.random,
            device,
            (self._topic_presence, b"offline"),
            self._on_up,
            self._on_message,
            backoff_max_ms=config["backoff_max_s"] * 1_000,
        )
        self.uplink = Uplink(
            self.mqtt, self.journal, self._topic_up, self._put_hello, put_now, hardware.random
        )

    def step(self, now_ms: int) -> None:
        """Move what can be moved between the rings, the broker and the role, without waiting."""
        mqtt = self.mqtt
        mqtt.step(now_ms)
        if self._brokers.step(now_ms, mqtt.is_up):
            # A goodbye keeps the will from being told: the one who reads there is told by hand.
            mqtt.publish(self._topic_presence, b"offline", 7, 0, now_ms, True)
            mqtt.close(now_ms)
        if self._before_send is not None:
            self._before_send(now_ms)
        while self.uplink.step(now_ms):
            pass
        self.uplink.tell_now(now_ms)
        if self._announce and mqtt.room():
            sent = mqtt.publish(self._topic_presence, b"online", 6, 1, now_ms, True)
            self._announce = sent < 0

    def send_live(self, buf, n: int) -> bool:
        """Send a live message (protocols.live), neither stored nor sent again; False: not sent."""
        now_ms = self.clock.now_ms
        return self.mqtt.room() and self.mqtt.publish(self._topic_up, buf, n, 0, now_ms) >= 0

    @property
    def is_up(self) -> bool:
        """Whether the broker is connected."""
        return self.mqtt.is_up

    @property
    def acked(self) -> int:
        """How many records the gateway has acknowledged: moves when it does."""
        evidence, track = self.journal.rings
        return evidence.acked + track.acked

    @property
    def held(self) -> int:
        """How many records wait for their acknowledgement."""
        evidence, track = self.journal.rings
        return evidence.pending + track.pending

    def record_health(self, event: str, values: dict) -> None:
        """Store a health record: 'boot', 'report' or 'restart', with the role's own `values`."""
        values["event"] = event
        if event != "restart":
            evidence, track = self.journal.rings
            values["boot"] = self.boot
            values["firmware"] = VERSION
            values["connects"] = self.mqtt.connects
            values["rewinds"] = self.uplink.rewinds
            values["acks_ahead"] = self.uplink.acks_ahead
            values["logs_begun"] = evidence.logs_begun + track.logs_begun
            values["evidence_refused"] = evidence.refused
            values["track_held"] = track.pending
            values["evidence_held"] = evidence.pending
            if self.mqtt.fault:
                values["link_fault"] = self.mqtt.fault[:60]
        if event == "boot":
            values["implementation"] = self._hardware.implementation()
        self.journal.record(messages.HEALTH, values)

    def _on_up(self):
        now_ms = self.clock.now_ms
        self._brokers.on_up(now_ms)
        self.mqtt.subscribe((self._topic_ack, self._topic_down), now_ms)
        self._announce = True
        self.uplink.on_up(now_ms)
        self._role_up()

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
