"""A fake bluetoothd behind a fake D-Bus: a unix socket that speaks the bus' side of the protocol.

bleak's real Linux path runs against it, without a radio and without a daemon: set
DBUS_SYSTEM_BUS_ADDRESS to `address`. It knows one adapter, active and passive scans, the rules that a
client asks its signals by, and the ways in which the real one fails. The messages are built by
dbus-fast, of which two private names are used: its version is pinned in pyproject.toml.
"""

import asyncio
import contextlib
import io
import os
import struct
import threading
import time

from dbus_fast import Message, MessageType, Variant
from dbus_fast._private.unmarshaller import Unmarshaller

BUS = "org.freedesktop.DBus"
ADAPTER = "/org/bluez/hci0"
RUUVI = 0x0499


def device_path(address):
    return f"{ADAPTER}/dev_{address.replace(':', '_')}"


def ruuvi(seq, temp_cc=400, mac=bytes(6)):
    """A Ruuvi format 5 payload behind the company id: temperature in 0.005 degC, `seq` u16."""
    head = struct.pack(">BhHHhhhHBH", 5, temp_cc * 2, 20_000, 50_000, 0, 0, 1_000, 0x6F00, 0, seq)
    return head + mac


class Client:
    """One connection to the bus: its name, and the signals that it asked for."""

    def __init__(self, number, writer):
        self.name = f":1.{number}"
        self.writer = writer
        self.rules = []
        self.scans = False
        self.duplicates = False

    def wants(self, member, arg0):
        """Whether a rule of its matches; what else a rule says is the same for all that we send."""
        for rule in self.rules:
            keys = dict(part.split("=", 1) for part in rule.replace("'", "").split(","))
            if keys.get("member") == member and keys.get("arg0", arg0) == arg0:
                return True
        return False


class BluezPeer:
    """The bus and bluetoothd in a thread of their own. Everything below may be called from any thread.

    `refusals` {member: [error name, times]}: how calls are answered; `takes_passive` False is a BlueZ
    without --experimental, `hears_passive` False one that then hears nobody; `dedupe` True is a kernel
    that swallows an advert that equals the last. `calls` counts members; `sent` adverts that went to
    at least one scanning client, `missed` the others.
    """

    def __init__(self, folder):
        self.path = str(folder / "bus")
        self.address = f"unix:path={self.path}"
        self.refusals = {}
        self.takes_passive = True
        self.hears_passive = True
        self.plugged = True
        self.dedupe = False
        self.powered = True
        self.owned = True
        self.calls = {}
        self.sent = self.missed = 0
        self._clients = []
        self._known = {}
        self._numbers = 0
        self._serial = 0
        self._server = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    def start(self):
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def stop(self):
        self.do(self._close_all)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def do(self, what, *args):
        """Run what(*args) in the peer's thread and return what it returned."""

        async def call():
            return what(*args)

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(10)

    @property
    def scanning(self):
        """How many clients scan now."""
        return sum(client.scans for client in list(self._clients))

    # -- what happens to a bus and a radio --------------------------------------------------------

    def drop_bus(self):
        """Every connection ends, as when dbus-daemon is started anew."""
        self.do(self._drop)

    def leave(self):
        """The bus is gone, and nobody listens on its socket any more."""
        self.do(self._leave)

    def come_back(self):
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def power(self, on):
        """Switch the adapter off or on; off ends every scan, and nobody is told of that."""
        self.do(self._power, on)

    def plug(self, plugged):
        """Pull the adapter out, or put it in again."""
        self.do(self._plug, plugged)

    def restart_bluetoothd(self, away_s=0.2):
        self.do(self._own, False)
        time.sleep(away_s)
        self.do(self._own, True)

    def silence(self):
        """The kernel's scan ends, and bluetoothd does not notice (bluez issue 1554)."""
        self.do(self._silence)

    def advert(self, address, company=None, data=b"", service=None, rssi=-60):
        """Somebody advertises; service: (uuid, data)."""
        self.do(self.heard, address, company, data, service, rssi)

    def echo(self, address):
        """BlueZ takes a device's RSSI back: told, though nothing was heard."""
        body = ["org.bluez.Device1", {}, ["RSSI"]]
        self.do(self._properties, device_path(address), body)

    # -- in the thread ----------------------------------------------------------------------------

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()

    async def _listen(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    def _leave(self):
        self._server.close()
        self._drop()
        os.unlink(self.path)

    def _drop(self):
        for client in self._clients:
            client.scans = False
            client.writer.transport.abort()
        self._clients.clear()

    def _close_all(self):
        self._server.close()
        self._drop()

    def _power(self, on):
        self.powered = on
        if not on:
            self._silence()
        changed = {"Powered": Variant("b", on), "Discovering": Variant("b", False)}
        self._properties(ADAPTER, ["org.bluez.Adapter1", changed, []])

    def _plug(self, plugged):
        self.plugged = plugged
        self._silence()
        manager = f"{BUS}.ObjectManager"
        if plugged:
            body = [ADAPTER, {"org.bluez.Adapter1": self._adapter()}]
            self._signal("/", manager, "InterfacesAdded", "oa{sa{sv}}", body)
        else:
            body = [ADAPTER, ["org.bluez.Adapter1"]]
            self._signal("/", manager, "InterfacesRemoved", "oas", body)

    def _adapter(self):
        return {
            "Address": Variant("s", "00:11:22:33:44:55"),
            "Powered": Variant("b", self.powered),
            "Discovering": Variant("b", False),
            "Roles": Variant("as", ["central"]),
        }

    def _own(self, owned):
        self.owned = owned
        self._silence()
        self._known.clear()
        names = ["", ":1.99"] if owned else [":1.99", ""]
        self._signal(
            f"/{BUS}".replace(".", "/"), BUS, "NameOwnerChanged", "sss", ["org.bluez", *names]
        )

    def _silence(self):
        for client in self._clients:
            client.scans = False

    def heard(self, address, company=None, data=b"", service=None, rssi=-60):
        """An advert reached the radio: tell it to those who scan."""
        listening = [client for client in self._clients if client.scans]
        if not listening:
            self.missed += 1
            return
        parts = {"RSSI": Variant("n", rssi)}
        if company is not None:
            parts["ManufacturerData"] = Variant("a{qv}", {company: Variant("ay", data)})
        if service is not None:
            parts["ServiceData"] = Variant("a{sv}", {service[0]: Variant("ay", service[1])})
        before = self._known.get(address)
        self._known[address] = (company, bytes(data), service)
        path = device_path(address)
        self.sent += 1
        if before is None:
            whole = {
                "Address": Variant("s", address),
                "AddressType": Variant("s", "random"),
                "Alias": Variant("s", address.replace(":", "-")),
                "Adapter": Variant("o", ADAPTER),
                "UUIDs": Variant("as", []),
                "Paired": Variant("b", False),
                "Connected": Variant("b", False),
                **parts,
            }
            body = [path, {"org.bluez.Device1": whole}]
            manager = f"{BUS}.ObjectManager"
            self._signal("/", manager, "InterfacesAdded", "oa{sa{sv}}", body, listening)
            return
        if before == self._known[address]:
            if self.dedupe:
                return
            listening = [client for client in listening if client.duplicates]
        body = ["org.bluez.Device1", parts, []]
        self._properties(path, body, listening)

    def _properties(self, path, body, to=None):
        self._signal(path, f"{BUS}.Properties", "PropertiesChanged", "sa{sv}as", body, to)

    def _signal(self, path, interface, member, signature, body, to=None):
        message = Message(
            message_type=MessageType.SIGNAL,
            sender=BUS if interface == BUS else ":1.99",
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=body,
        )
        arg0 = body[0] if isinstance(body[0], str) else ""
        for client in self._clients if to is None else to:
            if client.wants(member, arg0):
                self._send(client, message)

    def _send(self, client, message):
        self._serial += 1
        message.serial = self._serial
        client.writer.write(bytes(message._marshall(False)))

    async def _serve(self, reader, writer):
        self._numbers += 1
        client = Client(self._numbers, writer)
        try:
            await self._greet(reader, writer)
            self._clients.append(client)
            while True:
                head = await reader.readexactly(16)
                body_size, _serial, fields_size = struct.unpack("<III", head[4:])
                rest = await reader.readexactly((fields_size + 7) // 8 * 8 + body_size)
                message = Unmarshaller(io.BytesIO(head + rest)).unmarshall()
                if message.message_type == MessageType.METHOD_CALL:
                    self._answer(client, message)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            client.scans = False
            if client in self._clients:
                self._clients.remove(client)
            writer.close()

    async def _greet(self, reader, writer):
        await reader.readexactly(1)
        while True:
            line = await reader.readline()
            if line.startswith(b"BEGIN"):
                return
            if not line:
                raise ConnectionError
            writer.write(
                b"AGREE_UNIX_FD\r\n" if b"UNIX_FD" in line else b"OK " + b"0" * 32 + b"\r\n"
            )

    def _answer(self, client, message):
        member = message.member
        self.calls[member] = self.calls.get(member, 0) + 1
        refusal = self.refusals.get(member)
        if refusal and refusal[1] > 0:
            refusal[1] -= 1
            self._reply_error(client, message, refusal[0])
        elif message.destination == "org.bluez" and not self.owned:
            self._reply_error(client, message, f"{BUS}.Error.ServiceUnknown")
        elif member == "StartDiscovery" and not self.powered:
            self._reply_error(client, message, "org.bluez.Error.NotReady")
        elif member == "RegisterMonitor" and not self.takes_passive:
            self._reply_error(client, message, f"{BUS}.Error.UnknownMethod")
        else:
            signature, body = self._carry_out(client, message)
            reply = Message.new_method_return(message, signature, body)
            reply.sender = BUS
            self._send(client, reply)

    def _carry_out(self, client, message):
        member = message.member
        if member == "Hello":
            return "s", [client.name]
        if member == "AddMatch":
            client.rules.append(message.body[0])
        elif member == "RemoveMatch":
            client.rules.remove(message.body[0])
        elif member == "GetManagedObjects":
            found = {ADAPTER: {"org.bluez.Adapter1": self._adapter()}} if self.plugged else {}
            return "a{oa{sa{sv}}}", [found]
        elif member == "SetDiscoveryFilter":
            told = message.body[0].get("DuplicateData")
            client.duplicates = told is not None and told.value
        elif member in ("StartDiscovery", "RegisterMonitor"):
            client.scans = member == "StartDiscovery" or self.hears_passive
            client.duplicates = client.duplicates or member == "RegisterMonitor"
            # What a client has not been told of since it connected, it is told of whole.
            self._known.clear()
        elif member in ("StopDiscovery", "UnregisterMonitor"):
            client.scans = False
        return "", []

    def _reply_error(self, client, message, name):
        reply = Message.new_error(message, name, name.rsplit(".", 1)[-1])
        reply.sender = BUS
        self._send(client, reply)
