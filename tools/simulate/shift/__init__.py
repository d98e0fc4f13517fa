"""A rider's shift without hardware and faster than time: the real firmware under MicroPython, the real
gateway behind it, and a seeded world between them that goes wrong in every way we know.
"""
