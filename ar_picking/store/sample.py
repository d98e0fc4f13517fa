"""Made-up pick lists of a store's own goods, for the demo, the trainer and tests."""

from __future__ import annotations

import random
from typing import Any

from ar_picking.errors import ConfigError
from ar_picking.store.records import Store


def sample_list(
    store: Store, name: str, lines: int, orders: int = 2, seed: int = 1
) -> dict[str, Any]:
    """A pick list of `lines` different bins for `orders` customers, in the sequence in which
    customers wrote them.
    """
    if not 1 <= lines <= min(200, len(store.bins)) or orders < 1:
        raise ConfigError(f"a list of {lines} lines cannot be made from {len(store.bins)} bins")
    rng = random.Random(seed)
    chosen = rng.sample(sorted(store.bins), lines)
    return {
        "list": name,
        "store": store.id,
        "lines": [
            {
                "line": i + 1,
                "order": f"A{1001 + i * orders // lines}",
                "sku": store.bins[place].sku or "0",
                "name": store.bins[place].name,
                "bin": place,
                "qty": rng.choice((1, 1, 1, 2, 2, 3)),
            }
            for i, place in enumerate(chosen)
        ],
    }
