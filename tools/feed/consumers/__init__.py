"""Examples of readers: one file each, which knows the feed and nothing else of us."""
