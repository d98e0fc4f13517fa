"""What happens to bluetoothd, seen over a D-Bus connection of our own (dbus-fast, which bleak brings).

bleak tells nobody that the adapter was switched off, that bluetoothd was started anew or that the bus
went away: its scan just hears nothing any more. Each of them ends every scan that was running.
"""

import contextlib

_OWNER = (
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
    "member='NameOwnerChanged',arg0='org.bluez'"
)
_ADAPTER = (
    "type='signal',sender='org.bluez',interface='org.freedesktop.DBus.Properties',"
    "member='PropertiesChanged',arg0='org.bluez.Adapter1'"
)


class BluezWatch:
    """Calls told(what) for 'off' and 'on' (our adapter's power), 'gone' and 'back' (bluetoothd).

    adapter: 'hci0' and so on; '' is whichever the system takes, which nobody tells: then any adapter's
    power is told, and 'one off' in place of 'off'. open() raises what dbus-fast and the socket raise;
    wait_lost() ends when the bus does.
    """

    def __init__(self, told, adapter=""):
        self._told = told
        self._adapter = adapter
        self._bus = None

    async def open(self) -> None:
        """Connect to the system's bus and ask for the signals."""
        from dbus_fast import BusType, Message, MessageType
        from dbus_fast.aio import MessageBus

        bus = self._bus = MessageBus(bus_type=BusType.SYSTEM)
        await bus.connect()
        bus.add_message_handler(self._take)
        for rule in (_OWNER, _ADAPTER):
            reply = await bus.call(
                Message(
                    destination="org.freedesktop.DBus",
                    path="/org/freedesktop/DBus",
                    interface="org.freedesktop.DBus",
                    member="AddMatch",
                    signature="s",
                    body=[rule],
                )
            )
            if reply is None or reply.message_type == MessageType.ERROR:
                raise OSError(f"D-Bus refuses the watch of bluetoothd: {reply and reply.body}")

    async def wait_lost(self) -> None:
        """Wait until the connection to the bus is lost."""
        # How it was lost (EOF, reset, closed under it) makes no difference to anybody.
        with contextlib.suppress(Exception):
            await self._bus.wait_for_disconnect()

    def close(self) -> None:
        """Let go of the bus."""
        bus, self._bus = self._bus, None
        if bus is not None:
            with contextlib.suppress(Exception):
                bus.disconnect()

    def _take(self, message):
        # Runs inside dbus-fast's reader: what is raised here would be its end.
        with contextlib.suppress(Exception):
            if message.member == "NameOwnerChanged" and message.body[0] == "org.bluez":
                self._told("back" if message.body[2] else "gone")
            elif message.member == "PropertiesChanged" and message.body[0] == "org.bluez.Adapter1":
                name = message.path.rpartition("/")[2]
                powered = message.body[1].get("Powered")
                if powered is None or self._adapter not in ("", name):
                    return  # of a second adapter, whose power is not ours
                if powered.value:
                    self._told("on")
                else:
                    self._told("off" if self._adapter else "one off")
