"""What an on-call engineer looks at: logs, thresholds, times, the service manager."""
