"""mosquitto: its configuration for a site, and telling a running one that something changed.

Measured with mosquitto 2.0.11: SIGHUP makes it read the access list, the lists of revoked certificates
and its own certificate again. It drops no session by that: one that stands with a revoked certificate
stays, without rights when its lines are gone from the list. Another connection of the same client id
ends it, so that is what drop() makes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import ssl
import tempfile
import time
from pathlib import Path

import paho.mqtt.client as mqtt
from cryptography import x509
from paho.mqtt.enums import CallbackAPIVersion

from gateway.orders.intake import BODY_MAX_BYTES
from gateway.site.authority import Key, cert_pem, key_pem
from gateway.site.folder import SiteFolder

_DROP_S = 5.0
_PID_MAX_BYTES = 32
# Of a packet, beside an intake message: topic and properties.
_HEAD_BYTES = 2 * 1024
_QUEUED_BYTES = 256 * 1024 * 1024
_MEMORY_BYTES = 1024 * 1024 * 1024

_HEAD = """\
# mosquitto of an o2o site. Written once by `gateway init-site`; yours to change from then on.
# Start it with: mosquitto -c {config}
per_listener_settings false
user {user}
pid_file {pid}
allow_anonymous false
acl_file {acl}

# What a killed broker forgot is sent again: [feed] resend_s of the gateway is more than twice this.
persistence true
persistence_location {data}/
autosave_interval 5
persistent_client_expiration 2d

# An intake message of 256 kB with its head is the largest that anybody takes. (mosquitto 2.0 has one
# limit for all listeners; a board's frame has 1,200 bytes, and the gateway refuses a larger one.)
max_packet_size {packet_bytes}
max_inflight_messages 500
# For one client that is away or slow, whichever comes first: then mosquitto drops. Boards send again
# what was not acknowledged by the gateway; a reader that stays away longer reads from a durable stream.
# 100,000 full frames are 120 MB; the bytes are for who sends what is none.
max_queued_messages 100000
max_queued_bytes {queued_bytes}
# Of all clients together: beyond it the broker hangs up on whoever makes it ask for more.
memory_limit {memory_bytes}
queue_qos0_messages false
max_keepalive 600
allow_zero_length_clientid false
log_dest stderr
log_type error
log_type warning
log_type notice
"""
_LISTENER = """
# {what}
listener {port} {bind}
cafile {trusted}
crlfile {revoked}
certfile {cert}
keyfile {key}
tls_version tlsv1.2
require_certificate true
use_identity_as_username true
"""
# Whoever has a certificate has one session, under his own name: nobody can end another's by its id.
_ONE_SESSION = "use_username_as_clientid true\n"
_LISTENERS = (
    ("devices", "ca", "Devices: boards and tablets."),
    ("readers", "readers", "Readers of the feed and senders of orders: the platform's systems."),
    ("gateways", "gateways", "The gateway, which holds several sessions."),
)


def broker_config(
    folder: SiteFolder, ports: dict[str, int], binds: dict[str, str], user: str
) -> bytes:
    """Return mosquitto.conf; ports and binds (an address, '' for all) per listener, user: runs it."""
    text = _HEAD.format(
        config=folder.config,
        user=user,
        pid=folder.pid,
        acl=folder.acl,
        data=folder.broker / "data",
        packet_bytes=BODY_MAX_BYTES + _HEAD_BYTES,
        queued_bytes=_QUEUED_BYTES,
        memory_bytes=_MEMORY_BYTES,
    )
    for name, authority, what in _LISTENERS:
        text += _LISTENER.format(
            what=what,
            port=ports[name],
            bind=binds[name],
            trusted=folder.trusted(authority),
            revoked=folder.revocations(authority),
            cert=folder.broker / "server.crt",
            key=folder.broker / "server.key",
        ).replace(" \n", "\n")
        if name != "gateways":
            text += _ONE_SESSION
    return text.encode()


def tell(folder: SiteFolder) -> bool:
    """Have a running mosquitto read its lists again; False when none of this folder's runs here.

    The process is looked at first: a file of a broker that died may name a stranger by now.
    """
    try:
        with folder.pid.open("rb") as file:
            pid = int(file.read(_PID_MAX_BYTES))
        if pid <= 1 or not _is_ours(Path(f"/proc/{pid}"), folder.config):
            return False
    except (OSError, ValueError):
        return False
    try:
        os.kill(pid, signal.SIGHUP)
    except OSError:
        return False
    return True


def _is_ours(process: Path, config: Path) -> bool:
    """Whether a process is a mosquitto that was started with `config`, by whatever path."""
    words = (process / "cmdline").read_bytes().split(b"\0")
    cwd = (process / "cwd").readlink()
    return b"mosquitto" in words[0] and any(
        (cwd / os.fsdecode(each)).resolve() == config.resolve() for each in words[1:] if each
    )


def drop(
    hosts: list[str], port: int, trusted: Path, name: str, cert: x509.Certificate, key: Key
) -> bool:
    """End the session that stands under `name` by one of our own under it; False when that failed.

    cert, key: for `name`, valid for minutes. The broker tells the will of the one it ends.
    """
    context = ssl.create_default_context(cafile=str(trusted))
    with tempfile.NamedTemporaryFile() as file:  # mode 600, gone when the block ends
        file.write(cert_pem(cert) + key_pem(key))
        file.flush()
        context.load_cert_chain(file.name)
    return any(_take_over(host, port, context, name) for host in hosts)


def _take_over(host: str, port: int, context: ssl.SSLContext, name: str) -> bool:
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv311, clean_session=True
    )
    client.tls_set_context(context)
    client.connect_timeout = _DROP_S
    done: list[bool] = []
    client.on_connect = lambda _c, _u, _f, code, _p: done.append(not code.is_failure)
    try:
        client.connect(host, port)
        until_s = time.monotonic() + _DROP_S
        while not done and time.monotonic() < until_s:
            if client.loop(timeout=0.2) != mqtt.MQTT_ERR_SUCCESS:
                break
    except (OSError, ValueError):
        return False
    finally:
        with contextlib.suppress(OSError, ValueError):
            client.disconnect()
    return done == [True]
