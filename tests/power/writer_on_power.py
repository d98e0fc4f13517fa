"""The commit log in a process whose power goes: tests/gateway/test_log_power.py starts it.

python writer_on_power.py DATABASE SYNCHRONOUS: commits records of five logs until the power is cut, and
prints 'log seq' on stdout for each that was acknowledged, after the commit that holds it.
"""

import os
import sys
from pathlib import Path

from gateway.log.committer import Committer
from gateway.log.store import ROUTINE, URGENT, Row, Store, connect

LOGS = 5


def acknowledge(log, seq):
    os.write(1, b"%d %d\n" % (log, seq))  # at once: nothing waits in a buffer


def record(log, seq):
    def job(store):
        expected = store.next_seq("rider-0001", log)
        if seq == expected:
            prio = URGENT if log % 2 else ROUTINE
            body = b"%d-%d " % (log, seq) * (1 + seq * 7 % 90)
            store.add_rows([Row(prio, f"{log}-{seq}", f"t/{log}/fix", 0, 1000 + seq, body)])
            store.set_next_seq("rider-0001", log, seq + 1)
        return [lambda: acknowledge(log, seq)]

    return job


def main(path, synchronous):
    connection = connect(path)
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("PRAGMA wal_autocheckpoint=12")  # so that cuts meet checkpoints too
    store = Store(connection)
    with store.transaction():
        first = {log: store.next_seq("rider-0001", log) for log in range(LOGS)}
        oldest = min(first.values())
        store.set_cursor("mqtt", URGENT, oldest * 2, oldest * 2)
        store.set_cursor("mqtt", ROUTINE, oldest * 2, oldest * 2)
    committer = Committer(store, path, 1, lambda: None)
    committer.start()
    for number in range(100_000):
        log = number % LOGS
        committer.submit(record(log, first[log] + number // LOGS))
        if number % 20 == 19:
            committer.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
