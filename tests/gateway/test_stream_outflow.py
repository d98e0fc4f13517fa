"""The feed of a worker's parts: what goes wrong with one sink costs no other its turn."""

import asyncio
from types import SimpleNamespace

from gateway.sections import Feed
from gateway.stream.outflow import Outflow


class Quiet:
    """An outlet without anything to send; turns: how often it was asked for answers."""

    up = True

    def __init__(self):
        self.turns = 0

    def start(self, _on_change):
        pass

    def answered(self):
        self.turns += 1
        return []

    def lost(self):
        return False

    def stop(self):
        pass


class Broken(Quiet):
    def lost(self):
        raise RuntimeError("a defect of this outlet")


class BrokenInATurn(Quiet):
    @property
    def up(self):
        raise RuntimeError("a defect of this outlet")


def test_a_defect_of_one_sink_does_not_end_the_others(caplog):
    async def play():
        good = Quiet()
        sinks = [("a", Broken()), ("b", BrokenInATurn()), ("c", good)]
        engine = SimpleNamespace(offer=lambda *_: False)
        outflow = Outflow(
            asyncio.get_running_loop(), engine, [(name, each, Feed()) for name, each in sinks]
        )
        outflow.add(SimpleNamespace(name="07", db=None, committed_row=0, is_idle=True))
        turning = asyncio.create_task(outflow.run())
        for _ in range(3):
            before = good.turns
            while good.turns == before:
                outflow.wake()
                await asyncio.sleep(0.01)
                assert not turning.done()
        turning.cancel()
        return outflow

    outflow = asyncio.run(asyncio.wait_for(play(), 10))
    assert outflow.turns_failed >= 4
    assert caplog.text.count("RuntimeError: ") == 1, "said, but not at every turn"
