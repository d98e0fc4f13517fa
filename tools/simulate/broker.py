"""amqtt on loopback, where mosquitto cannot be had: `python -m tools.simulate.broker PORT`.

MQTT 3.1.1 only and nothing survives its restart: enough to see the demo, not to run a site.
"""

import asyncio
import contextlib
import logging
import sys

from amqtt.broker import Broker


async def serve(port: int) -> None:
    """Run the broker until cancelled."""
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
            },
        }
    )
    await broker.start()
    try:
        await asyncio.Event().wait()
    finally:
        await broker.shutdown()


def main() -> None:
    """Serve on the port named on the command line."""
    logging.basicConfig(level=logging.WARNING)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
