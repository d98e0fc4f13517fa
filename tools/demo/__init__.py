"""The main job end to end on one machine: boards, broker, gateway, feed, picking, and the accounts."""
