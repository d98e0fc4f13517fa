"""Where device frames come from."""
