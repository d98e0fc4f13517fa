"""A city of several gateways on this machine: NATS nodes, workers, devices, and an account of it all."""
