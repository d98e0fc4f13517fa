"""Where the feed goes."""
