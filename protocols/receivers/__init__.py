"""GNSS receivers: finding their speed (baud_search) and telling them what we want (families, ubx).

Nothing is imported here: a board that only listens needs the first alone.
"""
