"""The sections of the gateway's configuration: one dataclass each, its defaults, and what it refuses.

A section's check(key) raises ConfigError with the whole key's name. Paths are as written, relative to
the working directory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from gateway.errors import ConfigError
from protocols.topics import PARTS, is_name


def in_range(key: str, value: float, lowest: float, highest: float) -> None:
    """Raise ConfigError unless lowest <= value <= highest."""
    if not lowest <= value <= highest:
        raise ConfigError(f"key '{key}' is {value}, it takes {lowest} to {highest}")


def one_of(key: str, value: str, words: tuple[str, ...]) -> None:
    """Raise ConfigError unless `value` is one of `words`."""
    if value not in words:
        raise ConfigError(f"key '{key}' is one of {', '.join(words)}, not '{value}'")


def is_loopback(address: str) -> bool:
    """Tell whether only this machine reaches an address."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


@dataclass(frozen=True, slots=True)
class Site:
    """Who this gateway is. `id` and `city` are topic levels; `data` is its own folder.

    folder: the site's, made by `gateway init-site`: its registry says which devices may speak. None:
    every device is taken, for development.
    """

    id: str
    city: str
    data: Path
    # A shift is a local day until riders log in and out; the day turns here, hours east of UTC.
    utc_offset_h: int = 8
    folder: Path | None = None

    def check(self, key: str) -> None:
        """Refuse names that are no topic levels."""
        for name, value in (("id", self.id), ("city", self.city)):
            if not is_name(value):
                raise ConfigError(
                    f"key '{key}.{name}' takes 1 to 32 of a-z, 0-9 and '-', not '{value}'"
                )
        in_range(f"{key}.utc_offset_h", self.utc_offset_h, -12, 14)


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS to a broker: its CA, and our certificate with its key (PEM files)."""

    ca: Path
    cert: Path | None = None
    key: Path | None = None

    def check(self, key: str) -> None:
        """A certificate without its key, or the reverse, is of no use."""
        if (self.cert is None) != (self.key is None):
            raise ConfigError(f"'{key}' needs 'cert' and 'key' together, or neither")


@dataclass(frozen=True, slots=True)
class Broker:
    """An MQTT broker. `protocol` is '5', '3.1.1' or 'auto' (5, and 3.1.1 where that is refused)."""

    host: str = "127.0.0.1"
    port: int = 1883
    protocol: str = "auto"
    tls: Tls | None = None

    def check(self, key: str) -> None:
        """Refuse a port or a protocol that is none."""
        in_range(f"{key}.port", self.port, 1, 65_535)
        one_of(f"{key}.protocol", self.protocol, ("5", "3.1.1", "auto"))


@dataclass(frozen=True, slots=True)
class Feed:
    """How the feed goes out.

    window: messages under way without the upstream's word, 1..65535. resend_s: after a connection was
    lost, what a broker acknowledged in the last so many seconds goes out again, because a broker
    that died may not have written it down; more than its own save interval. keep_s: how long rows
    that are out stay in the database for the dashboard. drain_per_s: rows older than 30 s that go out
    in one second at most, so that a backlog leaves the upstream room for what happens now.
    """

    window: int = 200
    resend_s: float = 10.0
    keep_s: int = 3600
    drain_per_s: int = 5000

    def check(self, key: str) -> None:
        """Refuse figures out of range."""
        in_range(f"{key}.window", self.window, 1, 65_535)
        in_range(f"{key}.resend_s", self.resend_s, 0, 3600)
        in_range(f"{key}.keep_s", self.keep_s, 0, 31_536_000)
        in_range(f"{key}.drain_per_s", self.drain_per_s, 10, 1_000_000)


@dataclass(frozen=True, slots=True)
class Sink:
    """One place where the feed goes, with a cursor of its own under `name`.

    kind: 'mqtt' (broker: where) or 'jetstream' (servers: 'host:port', stream: its name). batch_max: so
    many fixes in one message (MQTT only), 0 for none; batch_ms: how long the first waits for the others.
    holds: rows wait for it also when the log is full, and then evidence is not taken; false: what it
    alone has not taken is dropped then, counted and told. Not said: true for the first sink only.
    """

    name: str
    kind: str = "mqtt"
    broker: Broker = field(default_factory=Broker)
    servers: list[str] = field(default_factory=list)
    stream: str = "O2O"
    batch_max: int = 0
    batch_ms: int = 100
    tls: Tls | None = None
    holds: bool | None = None

    def check(self, key: str) -> None:
        """Refuse a kind that there is not, and a JetStream without a server."""
        if not is_name(self.name):
            raise ConfigError(f"key '{key}.name' takes 1 to 32 of a-z, 0-9 and '-'")
        one_of(f"{key}.kind", self.kind, ("mqtt", "jetstream"))
        in_range(f"{key}.batch_max", self.batch_max, 0, 500)
        in_range(f"{key}.batch_ms", self.batch_ms, 1, 1000)
        if self.batch_max and self.kind != "mqtt":
            raise ConfigError(f"key '{key}.batch_max' is for kind 'mqtt' only")
        if self.kind == "jetstream" and not self.servers:
            raise ConfigError(f"key '{key}.servers' is missing: ['host:4222', ...]")


@dataclass(frozen=True, slots=True)
class Http:
    """The dashboard and the intake. login = false is for loopback only; cert and key make it TLS.

    hosts: the names that browsers call it by, beside the loopback ones and `bind`.
    """

    bind: str = "127.0.0.1"
    port: int = 8080
    login: bool = True
    cert: Path | None = None
    key: Path | None = None
    hosts: list[str] = field(default_factory=list)

    def check(self, key: str) -> None:
        """Refuse an open door: beyond loopback there is log-in and TLS."""
        in_range(f"{key}.port", self.port, 0, 65_535)
        if (self.cert is None) != (self.key is None):
            raise ConfigError(f"'{key}' needs 'cert' and 'key' together, or neither")
        for host in self.hosts:
            if not host or not all(each.isalnum() or each in ".-:" for each in host):
                raise ConfigError(f"key '{key}.hosts' takes names without port, not '{host}'")
        if is_loopback(self.bind):
            return
        if not self.login:
            raise ConfigError(
                f"key '{key}.bind' is '{self.bind}', but '{key}.login' is false: "
                "use 127.0.0.1 and a tunnel, or let people log in"
            )
        if self.cert is None:
            raise ConfigError(
                f"key '{key}.bind' is '{self.bind}': passwords need TLS there; give "
                f"'{key}.cert' and '{key}.key', or use 127.0.0.1"
            )
        if self.bind in ("0.0.0.0", "::") and not self.hosts:  # noqa: S104
            raise ConfigError(
                f"key '{key}.hosts' is missing: with '{key}.bind' = '{self.bind}' say by which names "
                'browsers may call it, as ["gateway.example"]'
            )


@dataclass(frozen=True, slots=True)
class Limits:
    """Another yellow or red of one threshold of gateway.ops.thresholds, and how long it must last."""

    yellow: float | None = None
    red: float | None = None
    for_s: float | None = None

    def check(self, key: str) -> None:
        """Refuse a time that is none; names and order are checked where the thresholds are."""
        if self.for_s is not None:
            in_range(f"{key}.for_s", self.for_s, 0, 3600)


@dataclass(frozen=True, slots=True)
class Commit:
    """The commit log.

    engine: 'sqlite' (one machine) or 'jetstream' (several; see [workers]). group_ms: how long a commit
    waits for company, 0..1000. rows_max, bytes_max: what the database may hold that is not out yet;
    beyond it the oldest positions go, counted, and evidence is not taken any more (the boards keep
    it). free_min_bytes: room that is left on the disk for everybody else.
    """

    engine: str = "sqlite"
    group_ms: int = 10
    rows_max: int = 20_000_000
    bytes_max: int = 8_000_000_000
    free_min_bytes: int = 64_000_000

    def check(self, key: str) -> None:
        """Refuse figures out of range."""
        one_of(f"{key}.engine", self.engine, ("sqlite", "jetstream"))
        in_range(f"{key}.group_ms", self.group_ms, 0, 1000)
        in_range(f"{key}.rows_max", self.rows_max, 1_000, 10_000_000_000)
        in_range(f"{key}.bytes_max", self.bytes_max, 1_000_000, 1e15)
        in_range(f"{key}.free_min_bytes", self.free_min_bytes, 0, 1e15)


@dataclass(frozen=True, slots=True)
class Keep:
    """How long the database keeps what is over, days.

    orders_days: orders and pick lists after their last change. messages_days: that an intake message
    was taken, after it came last; one that a broker keeps (retained) for longer would be taken anew.
    riders_days: who was who in a shift, and devices that are away; more than a board's ring holds.
    """

    orders_days: int = 7
    messages_days: int = 40
    riders_days: int = 40

    def check(self, key: str) -> None:
        """Refuse figures out of range."""
        in_range(f"{key}.orders_days", self.orders_days, 1, 3_660)
        in_range(f"{key}.messages_days", self.messages_days, self.orders_days, 3_660)
        in_range(f"{key}.riders_days", self.riders_days, 32, 3_660)


@dataclass(frozen=True, slots=True)
class Workers:
    """Several gateways for one city, each with some of the 64 parts (engine 'jetstream').

    servers: the NATS nodes, 'host:port'. stream: prefix of the streams. replicas: copies, 1..5.
    groups: into how many groups the parts are dealt; a group is what a worker takes over.
    lease_s: a worker that has not been heard for so long loses its groups.
    """

    servers: list[str] = field(default_factory=lambda: ["127.0.0.1:4222"])
    stream: str = "O2O"
    replicas: int = 3
    groups: int = 8
    lease_s: float = 4.0
    tls: Tls | None = None

    def check(self, key: str) -> None:
        """Refuse figures out of range."""
        if not self.servers:
            raise ConfigError(f"key '{key}.servers' is empty: ['host:4222', ...]")
        in_range(f"{key}.replicas", self.replicas, 1, 5)
        in_range(f"{key}.groups", self.groups, 1, PARTS)
        in_range(f"{key}.lease_s", self.lease_s, 1, 60)


@dataclass(frozen=True, slots=True)
class BoxSensor:
    """A BLE sensor of the terminal's own box: its address, what people call it, and if it has one its
    cold-chain profile; key_file: 32 hex digits of its BTHome bind key, in a file of mode 600."""

    address: str
    name: str
    profile: str = ""
    key_file: Path | None = None

    def check(self, key: str) -> None:
        """What an address and a profile are, the board's own configuration knows."""
        if not self.name:
            raise ConfigError(f"key '{key}.name' is empty")


@dataclass(frozen=True, slots=True)
class Terminal:
    """A receiver and a radio of this machine's own: it is a rider's board as well.

    device: its name as a board. serial: the receiver's port or a pattern ('' for none); baud: 0 finds
    it. setup: the receiver's command set ('none': only listen). adapter: the BLE adapter ('' for none,
    'default', 'hci0'); scan: 'auto', 'passive' or 'active'. replay: a file of NMEA in place of the
    port; replay_time: 'shift' moves its times to now, 'keep' leaves them. tls: its own certificate as
    a device, TLS whatever [broker] says; port: the broker's for devices, 0 where it is [broker]'s.
    own_service: `gateway terminal` runs it, not this gateway.
    """

    device: str
    serial: str = ""
    baud: int = 0
    adapter: str = ""
    replay: Path | None = None
    replay_time: str = "shift"
    setup: str = "none"
    datum: str = "wgs84"
    rate_ms: int = 1000
    profile: str = "every-epoch"
    scan: str = "auto"
    sensors: list[BoxSensor] = field(default_factory=list)
    tls: Tls | None = None
    port: int = 0
    own_service: bool = False

    def check(self, key: str) -> None:
        """Refuse a name that is no topic level, and a terminal without any source."""
        if not is_name(self.device):
            raise ConfigError(f"key '{key}.device' takes 1 to 32 of a-z, 0-9 and '-'")
        in_range(f"{key}.baud", self.baud, 0, 4_000_000)
        in_range(f"{key}.port", self.port, 0, 65_535)
        one_of(f"{key}.replay_time", self.replay_time, ("shift", "keep"))
        one_of(f"{key}.scan", self.scan, ("auto", "passive", "active"))
        if not (self.serial or self.adapter or self.replay):
            raise ConfigError(f"'{key}' needs 'serial', 'adapter' or 'replay'")
        if self.serial and self.replay:
            raise ConfigError(f"'{key}' takes 'serial' or 'replay', not both")
        if self.baud and self.setup != "none":
            raise ConfigError(
                f"key '{key}.baud' and '{key}.setup': a receiver that is set up is found at any speed "
                "and told 115200; leave 'baud' out"
            )
        if self.sensors and not self.adapter:
            raise ConfigError(f"key '{key}.adapter' is missing: 'default' hears '{key}.sensors'")


@dataclass(frozen=True, slots=True)
class Map:
    """The dashboard's map. tiles: a tile server's address with {z} {x} {y}, '' draws without tiles.

    datum: 'wgs84', or 'gcj02' for tiles of mainland China.
    """

    tiles: str = ""
    datum: str = "wgs84"

    def check(self, key: str) -> None:
        """Refuse an address that is no template, and a datum that is none."""
        one_of(f"{key}.datum", self.datum, ("wgs84", "gcj02"))
        if self.tiles and not all(each in self.tiles for each in ("{z}", "{x}", "{y}")):
            raise ConfigError(f"key '{key}.tiles' must hold {{z}}, {{x}} and {{y}}")


@dataclass(frozen=True, slots=True)
class Logging:
    """What the gateway writes on stderr. format: 'text', or 'json' (one object a line)."""

    format: str = "text"
    level: str = "info"

    def check(self, key: str) -> None:
        """Refuse words that there are not."""
        one_of(f"{key}.format", self.format, ("text", "json"))
        one_of(f"{key}.level", self.level, ("debug", "info", "warning", "error"))
