"""What every role of a board stands on: configuration, clock, ring logs, MQTT, uplink, commands."""
