"""Made-up stores for the tests of walks, as maps.from_map takes them."""


def grid(columns, rows, across, along):
    """A block of aisles: junction c * rows + r; a cross-aisle piece is `across` dm, an aisle `along`."""
    junctions = [[across * c, along * r] for c in range(columns) for r in range(rows)]
    edges = []
    for c in range(columns):
        for r in range(rows):
            if r + 1 < rows:
                edges.append([c * rows + r, c * rows + r + 1, along])
            if c + 1 < columns:
                edges.append([c * rows + r, (c + 1) * rows + r, across])
    return {"junctions": junctions, "edges": edges, "depot": 0}
