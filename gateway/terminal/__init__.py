"""This machine as a rider's terminal: firmware.rider on boards/linux, in a process of its own."""
