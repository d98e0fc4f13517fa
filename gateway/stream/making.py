"""The streams of a city's workers, made at the first start of the first of them."""

import asyncio
import time

from gateway.errors import GatewayError
from gateway.frames.pipeline import now_ms
from gateway.sections import Workers
from gateway.stream.cluster import (
    Bucket,
    Cluster,
    NotNow,
    Refused,
    bucket_stream,
    durable_stream,
    ensure_stream,
)
from gateway.stream.keys import SharedIdentity
from gateway.stream.names import Names

MAKE_S = 60.0
_AGAIN_S = 0.5
_ORDERS_KEEP_S = 14 * 86_400.0
# Before 2.9.21 a node that comes back plays the purge of one subject as a purge of the whole stream:
# nats-io/nats-server issue 4196, pulls 4212 and 4357. Parts forget their old log by such purges.
_VERSION_MIN = (2, 10)


def check_version(version: tuple[int, int], replicas: int) -> None:
    """GatewayError for a node of a version that loses what is stored on several of them."""
    if replicas > 1 and version < _VERSION_MIN:
        raise GatewayError(
            f"the NATS node has version {version[0]}.{version[1]}, which can lose a stream of several "
            f"copies when nodes restart: run {_VERSION_MIN[0]}.{_VERSION_MIN[1]} or later on every one"
        )


async def make(
    cluster: Cluster, names: Names, workers: Workers, identity: SharedIdentity, deal: Bucket
) -> None:
    """See to the streams, the bucket and the keys; again while the cluster has no leader yet.

    GatewayError, with what to do, when it will not have them or does not answer for a minute, or when
    its version loses data.
    """
    check_version(cluster.version, workers.replicas)
    configs = [
        durable_stream(names.stream, names.subjects(), workers.replicas),
        bucket_stream(names.orders, workers.replicas, _ORDERS_KEEP_S),
    ]
    deadline = time.monotonic() + MAKE_S
    while True:
        try:
            for each in configs:
                await ensure_stream(cluster.js, each)
            await identity.agree(deal, now_ms())
            return
        except NotNow as fault:
            if time.monotonic() > deadline:
                raise GatewayError(
                    f"the NATS cluster takes no streams: {fault}; it needs {workers.replicas} nodes "
                    "with JetStream, or set [workers] replicas"
                ) from fault
            await asyncio.sleep(_AGAIN_S)
        except Refused as fault:
            raise GatewayError(
                f"the NATS cluster will not make our streams: {fault}; see its limits, or set "
                "[workers] replicas and stream"
            ) from fault
