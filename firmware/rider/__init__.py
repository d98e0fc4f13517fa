"""The rider's role: pure, clock and bytes in, records out."""
