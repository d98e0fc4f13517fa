"""`o2o route`: the shortest walk through a store's picks, here or on a board's interpreter."""
