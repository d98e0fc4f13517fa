"""The commit log on NATS JetStream: several gateways for one city, each with some of the 64 parts."""
