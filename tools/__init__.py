"""The `o2o` command: the demo, decoders, simulators and everything else a person starts by hand.

Only tests import tools; nothing that is deployed depends on it.
"""
