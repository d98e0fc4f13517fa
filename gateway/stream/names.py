"""Names in the NATS cluster: of the streams, the buckets and the subjects of one city's workers.

With the prefix O2O: stream O2O_parts holds O2O.log.{part} (what was committed), O2O.snap.{part}...
(images) and O2O.deal.* (who has which group); one stream, so that after the loss of a node one leader
is to be elected and not two. Bucket O2O_orders says which part an order is in. O2O.intake.{part} carries
questions to the worker that has the part.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """The names under a prefix; part: '00'..'63'."""

    prefix: str

    @property
    def stream(self) -> str:
        """The stream of the parts."""
        return f"{self.prefix}_parts"

    @property
    def deal(self) -> str:
        """What the subjects of the deal begin with."""
        return f"{self.prefix}.deal."

    @property
    def orders(self) -> str:
        """The bucket of the orders' parts."""
        return f"{self.prefix}_orders"

    def subjects(self) -> list[str]:
        """What the stream of the parts takes."""
        return [f"{self.prefix}.log.*", f"{self.prefix}.snap.>", f"{self.deal}*"]

    def log(self, part: str) -> str:
        """Where a part's commits go."""
        return f"{self.prefix}.log.{part}"

    def snap(self, part: str) -> str:
        """Where it stands which image of a part is the newest."""
        return f"{self.prefix}.snap.{part}"

    def chunk(self, part: str, image: str, number: str) -> str:
        """Where a piece of an image is; number '*' for all."""
        return f"{self.prefix}.snap.{part}.{image}.{number}"

    def intake(self, part: str) -> str:
        """Where the owner of a part takes intake messages."""
        return f"{self.prefix}.intake.{part}"
