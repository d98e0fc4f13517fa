"""A site's identity: its own CA, device certificates, the broker's configuration, who is enrolled."""
