"""A second owner of a part: what a worker's part meets when its lease is not what it believes."""

import time
from collections import Counter

from gateway.stream.cluster import Cluster, NotNow
from gateway.stream.names import Names
from gateway.stream.partlog import Fenced, PartLog
from gateway.stream.recording import pack
from tools.errors import ToolError

_CALL_S = 20.0
_AGAIN_S = 0.1


def take_over(servers: list[str], part: str, timeout_s: float = 30.0, prefix: str = "O2O") -> None:
    """Read a part's log and put our mark behind it, as a worker does that takes it over; ToolError.

    Whoever has the part finds out with its next commit, which the stream refuses.
    """
    cluster = Cluster(servers, None, "usurper")
    cluster.start()
    deadline = time.monotonic() + timeout_s
    try:
        log = PartLog(cluster, Names(prefix), part, Counter())
        while True:
            try:
                cluster.do(log.read(), _CALL_S)
                cluster.do(log.append(f"usurper-{time.time_ns()}", pack([])), _CALL_S)
            except (NotNow, Fenced, TimeoutError) as fault:  # its owner has committed meanwhile
                if time.monotonic() > deadline:
                    raise ToolError(f"part {part} could not be taken over: {fault}") from fault
                time.sleep(_AGAIN_S)
            else:
                return
    finally:
        cluster.stop()
