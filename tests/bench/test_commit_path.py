"""The commit log alone: jobs to transactions to effects, SQLite WAL, synchronous=FULL, 10 ms groups.

`make bench`. A job is what a frame of 15 fixes, or of one, asks of the store; decoding and writing the
feed's JSON are not in it. CPU is the whole process's: the thread that submits too.
"""

import time

import pytest

from gateway.log.committer import Committer
from gateway.log.store import ROUTINE, Row, Store, connect
from gateway.sections import Commit

PAYLOAD = b'{"id":"ABCDEFGHIJKLMNOPQRSTUVWXYZ","stream":"fix","kind":"rider"}'.ljust(420, b" ")
TOPIC = "o2o/v1/shanghai/rider/abcdefghij/fix"
DEVICES = 200


@pytest.mark.parametrize("records", [15, 1])
@pytest.mark.parametrize("rounds", [3])
def test_commit_path(tmp_path, records, rounds):
    total = 300_000 // (1 if records > 1 else 5)
    rates, cpus = [], []
    for number in range(rounds):
        path = tmp_path / f"{number}.db"
        connection = connect(path)
        store = Store(connection, Commit(), sinks=["mqtt"])
        committer = Committer(store, path, 10, lambda: None)
        committer.start()
        acked = []

        def job(store, device, first, acked=acked):
            rows = [
                Row(ROUTINE, f"ABCDEFGHIJKLMNOP{seq:010d}", TOPIC, 0, seq, PAYLOAD)
                for seq in range(first, first + records)
            ]
            expected = store.next_seq(device, 7)
            store.set_next_seq(device, 7, expected + records)
            store.add_rows(rows)
            return [lambda: acked.append(records), lambda: None]

        begin, cpu = time.perf_counter(), time.process_time()
        for n in range(total // records):
            device = f"rider-{n % DEVICES:04d}"
            committer.submit(
                lambda s, d=device, f=n * records: job(s, d, f), 420 * records, lambda: None, "01"
            )
        assert committer.flush(60)
        rates.append(sum(acked) / (time.perf_counter() - begin))
        cpus.append((time.process_time() - cpu) * 100_000 / sum(acked))
        committer.stop()
        connection.close()
        path.unlink()
    print(f"\ncommit path, {records} records a frame, best of {rounds}")
    print(f"  {max(rates):8.0f} records/s durable, {min(cpus):.2f} CPU s per 100,000 records")
