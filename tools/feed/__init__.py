"""`o2o feed`: watch the feed, check it, record and replay it, and compute figures from it."""
