"""The upstreams of a gateway, from its configuration."""

from dataclasses import replace

from gateway.config import Config
from gateway.ops.meters import Meters
from gateway.sections import Feed, Sink
from gateway.sinks.batches import Batches
from gateway.sinks.mqtt import MqttOutlet
from gateway.sinks.outlet import Outlet
from protocols.topics import feed_topic


def make_outlets(config: Config, meters: Meters) -> list[tuple[str, Outlet, Feed]]:
    """Return (name, outlet, how its rows go out) of every sink."""
    return [_make(config, meters, sink) for sink in config.outlets()]


def _make(config: Config, meters: Meters, sink: Sink) -> tuple[str, Outlet, Feed]:
    # Several gateways and sinks may feed one broker: each needs a client id of its own.
    name = f"{config.site.id}-feed-{sink.name}"
    if sink.kind == "jetstream":
        from gateway.sinks.jetstream import JetStreamOutlet  # noqa: PLC0415 most need no NATS

        stream = JetStreamOutlet(sink.servers, sink.stream, name, sink.tls)
        # What the stream has answered for is on three disks: nothing has to go out again.
        return sink.name, meters.sink(stream), replace(config.feed, resend_s=0.0)
    outlet: Outlet = MqttOutlet(sink.broker, name)
    if sink.batch_max:
        topic = feed_topic(config.site.city, "batch", config.site.id, "fixes")
        outlet = Batches(outlet, topic, sink.batch_max, sink.batch_ms)
    return sink.name, meters.sink(outlet), config.feed
