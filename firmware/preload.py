"""Loads the deepest modules first: imported by main before all else, and of no use afterwards.

An import inside an import inside an import each takes a piece of the C stack, of which an ESP32's task
has 16 kB and the 32-bit unix port 40 kB; ten deep was too much for the latter. What is named here finds
its own imports loaded.
"""

# ruff: noqa: F401, I001 (the order is the point)
import protocols.tables
import protocols.messages
import protocols.nmea
import protocols.satellites
import protocols.epochs
import protocols.gnss
import protocols.adverts
import firmware.rider.geo
import firmware.rider.filter
import firmware.rider.position
import firmware.rider.cone
import firmware.rider.cold
import firmware.rider.outlook
import firmware.rider.plan
import firmware.system.ringlog
import firmware.system.journal
import firmware.system.mqtt
