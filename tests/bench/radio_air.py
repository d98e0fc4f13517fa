"""The fake BlueZ and its sensors as a process: radio_air.py FOLDER SENSORS PER_S SECONDS STAMPS

It prints `ready` when its bus listens, sends when somebody scans, and then prints what it sent as JSON.
Words on stdin are faults: drop, off, on, restart (of bluetoothd, away for 0.2 s), silence.
"""

import asyncio
import json
import mmap
import sys
import threading
import time
from pathlib import Path

from bluez_peer import BluezPeer
from sensor_crowd import Crowd


def main(folder, sensors, per_s, seconds, stamps):
    with open(stamps, "r+b") as file:
        memory = mmap.mmap(file.fileno(), 0)
    peer = BluezPeer(Path(folder)).start()
    crowd = Crowd(peer, int(sensors), memoryview(memory).cast("q"))
    print("ready", flush=True)
    threading.Thread(target=obey, args=(peer,), daemon=True).start()
    while not peer.scanning:
        time.sleep(0.01)
    played = asyncio.run_coroutine_threadsafe(crowd.play(float(per_s), float(seconds)), peer._loop)
    played.result()
    told = {"sent": peer.sent, "missed": peer.missed, "seqs": crowd.seqs, "late_ms": crowd.late_ms}
    told["cpu_s"] = round(time.process_time(), 1)
    print(json.dumps(told), flush=True)
    time.sleep(600)  # the bus stays until the bench ends it


def obey(peer):
    for line in sys.stdin:
        word = line.strip()
        if word == "drop":
            peer.drop_bus()
        elif word == "restart":
            peer.restart_bluetoothd()
        elif word == "silence":
            peer.silence()
        elif word in ("off", "on"):
            peer.power(word == "on")


if __name__ == "__main__":
    main(*sys.argv[1:])
