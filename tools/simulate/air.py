"""The radio: virtual Bluetooth controllers by bumble, boards on TCP ports, sensors advertising.

A board's scanner talks real HCI to its controller; what it receives crossed bumble's link layer.
Run as `python -m tools.simulate.air SPEC.json`, a process of its own; it prints `ready` when every
port listens. SPEC: {"boards": [port, ...], "sensors": [{"address", "format", "base_c", "boards":
[index, ...]}, ...], "interval_ms"}.
"""

import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from bumble.controller import Controller
from bumble.core import AdvertisingData
from bumble.device import Device
from bumble.hci import Address
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport import open_transport
from bumble.transport.common import AsyncPipeSink

from tools.simulate.coldbox import Sensor

_RENEW_S = 1.0


async def run(spec: dict[str, Any]) -> None:
    """Serve the controllers and let the sensors advertise until cancelled."""
    begin = time.monotonic()
    # A link of its own per board: a rider hears the sensors in the rider's own box.
    links = [LocalLink() for _ in spec["boards"]]
    transports = []
    for number, (port, link) in enumerate(zip(spec["boards"], links, strict=True)):
        transport = await open_transport(f"tcp-server:127.0.0.1:{port}")
        transports.append(transport)
        Controller(
            f"board-{number}", host_source=transport.source, host_sink=transport.sink, link=link
        )
    tasks = [
        asyncio.create_task(_advertise(each, links[board], begin, spec["interval_ms"]))
        for each in spec["sensors"]
        for board in each["boards"]
    ]
    print("ready", flush=True)
    await asyncio.gather(*tasks)


async def _advertise(each: dict[str, Any], link: LocalLink, begin: float, interval_ms: int) -> None:
    sensor = Sensor(each["address"], each["format"], each["base_c"])
    controller = Controller(f"sensor-{sensor.address}", link=link)
    host = Host(controller, AsyncPipeSink(controller))
    address = Address(sensor.address, Address.RANDOM_DEVICE_ADDRESS)
    device = Device(address=address, host=host)
    await device.power_on()
    while True:
        data = AdvertisingData.from_bytes(sensor.payload(time.monotonic() - begin))
        device.advertising_data = bytes(data)
        await device.start_advertising(
            auto_restart=False,
            advertising_interval_min=interval_ms,
            advertising_interval_max=interval_ms,
        )
        await asyncio.sleep(_RENEW_S)
        await device.stop_advertising()


def main() -> None:
    """Run the air described by the JSON file named on the command line."""
    spec = json.loads(Path(sys.argv[1]).read_text())
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(spec))


if __name__ == "__main__":
    main()
