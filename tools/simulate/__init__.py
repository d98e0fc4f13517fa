"""The hardware that cannot be here: a receiver on a pty, a ride, a radio, a cold box.

All else is real.
"""
