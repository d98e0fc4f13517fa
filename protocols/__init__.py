"""Bytes <-> values and nothing else: no I/O, no clock, no sleep.

Runs unchanged on MicroPython >= 1.22 and CPython >= 3.11, imports nothing outside this package.
"""
