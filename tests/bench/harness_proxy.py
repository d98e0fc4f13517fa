"""A TCP proxy that lets so many bytes a second through towards the upstream.

python harness_proxy.py PORT_IN PORT_OUT BYTES_PER_S SECONDS

After SECONDS it lets everything through. Each side is read no faster than the other takes it.
"""

import asyncio
import sys
import time


async def main(port_in, port_out, bytes_per_s, seconds):
    end = time.monotonic() + seconds
    jobs = set()

    async def pump(reader, writer, rate):
        try:
            while data := await reader.read(4_096):
                writer.write(data)
                await writer.drain()
                if rate and time.monotonic() < end:
                    await asyncio.sleep(len(data) / rate)
        except OSError:
            pass
        writer.close()

    async def serve(reader, writer):
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port_out)
        except OSError:
            writer.close()
            return
        back = asyncio.create_task(pump(up_reader, writer, 0))
        jobs.add(back)
        await pump(reader, up_writer, bytes_per_s)

    server = await asyncio.start_server(serve, "127.0.0.1", port_in)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
