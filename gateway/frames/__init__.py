"""Device frames: accepted, resolved, turned into feed rows, acknowledged."""
