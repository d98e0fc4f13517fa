"""The gateway: device frames in, committed, acknowledged, and out again as the backend's feed."""
