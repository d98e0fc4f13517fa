"""What a bad line lets through: false accepts under byte loss and bit flips, counted."""

import random

from protocols.gnss import Receiver
from protocols.nmea import Framer
from tools.nmea import as_object
from tools.simulate.ride import generate
from tools.simulate.sentences import now_on_the_second, ride

SEED = 20261122
SENTENCES = 1_000_000


def worn(data: bytes, chance: random.Random, loss: float, flip: float) -> bytes:
    out = bytearray()
    for byte in data:
        if loss and chance.random() < loss:
            continue
        if flip and chance.random() < 8 * flip:  # two flips in one byte are 1 in 30,000: left out
            byte ^= 1 << chance.randrange(8)
        out.append(byte)
    return bytes(out)


class Decoder:
    """Bytes in, epochs with a position out."""

    def __init__(self):
        self.framer, self.receiver = Framer(), Receiver()

    def epochs(self, pieces):
        for piece in pieces:
            pos = 0
            while pos < len(piece):
                pos = self.framer.feed(piece, pos, len(piece))
                if self.framer.ready and self.receiver.take(self.framer):
                    epoch = as_object(self.receiver.fix, self.receiver.sky)
                    # Before the first date came through there is no time to compare.
                    if epoch["lat_e7"] is not None and epoch["t"] is not None:
                        yield epoch


def place(epoch):
    return epoch["t"], epoch["lat_e7"], epoch["lon_e7"]


def test_false_accepts():
    bursts = [burst for _, burst in ride(generate(1, 3600), now_on_the_second())]
    truth = {place(epoch) for epoch in Decoder().epochs(bursts)}
    per_round = sum(burst.count(b"$") for burst in bursts)
    print(f"\nfalse accepts, seed {SEED}, a ride of {per_round} sentences repeated")
    for name, loss, flip in (("1 % of bytes lost", 0.01, 0), ("0.1 % of bits flipped", 0, 0.001)):
        chance = random.Random(SEED)
        sent = valid = rejected = epochs = wrong = flagged = far = 0
        while sent < SENTENCES:
            decoder = Decoder()
            for epoch in decoder.epochs(worn(burst, chance, loss, flip) for burst in bursts):
                epochs += 1
                if place(epoch) not in truth:
                    wrong += 1
                    doubted = bool({"jump", "step", "disputed"} & set(epoch["flags"]))
                    flagged += doubted
                    near = any(
                        abs(epoch["lat_e7"] - lat) < 4_500 and abs(epoch["lon_e7"] - lon) < 4_500
                        for _, lat, lon in truth
                    )
                    far += not near and not doubted
            sent += per_round
            valid += decoder.framer.valid
            rejected += decoder.receiver.rejected
        print(
            f"  {name:22} {sent} sent, {valid} with a right checksum, {rejected} of them rejected as "
            f"implausible;\n{'':25}{epochs} epochs with a position, {wrong} not as sent "
            f"({flagged} flagged, {far} unflagged and over 50 m off the ride)"
        )
