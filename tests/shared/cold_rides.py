"""Adverts into a cold box, second by second, and what its state is when a board reads it back."""

from cold_adverts import (
    BOX,
    Journal,
    Order,
    temperature,
)

from firmware.rider.cold import ColdBox
from protocols import messages
from protocols.cbor import Reader, Writer


def say(box, payload, ms, address=BOX):
    box.on_advert(address, payload, len(payload), -60, ms)


def drive(box, from_s, to_s, cc, every_s=1):
    """Adverts with a count, every_s apart, of a temperature or of a function of the second."""
    for second in range(from_s, to_s):
        if second % every_s == 0:
            value = cc(second) if callable(cc) else cc
            say(box, temperature(value, second), second * 1_000)
        box.step(second * 1_000)


def stored(value):
    """What a board would read back: through the bytes of CBOR."""
    writer = Writer(bytearray(6_000))
    writer.value(value)
    assert not writer.full
    return Reader(writer.buf, 0, writer.n).read()


def delivered(box, order="A1", profile="chilled"):
    box.on_order(Order(order, profile), "handed_over")


def one_trip(cc, seconds=600, profile="chilled", every_s=1, sensors=((BOX, "box-1"),)):
    journal = Journal()
    box = ColdBox(journal, list(sensors))
    box.on_order(Order("A1", profile), "picked_up")
    drive(box, 0, seconds + 1, cc, every_s)
    delivered(box, "A1", profile)
    return journal, journal.of(messages.VERDICT)[0]
