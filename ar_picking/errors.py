"""What the picking guide tells a person when it cannot go on.

PickingError         the store folder, the camera or an input is at fault    exit code 1
+- ConfigError       the command line or the configuration is at fault       exit code 2
+- StoreError        a store folder that cannot be used; names file and line
"""


class PickingError(Exception):
    """The guide cannot go on; the message says what to do."""

    exit_code = 1


class ConfigError(PickingError):
    """The command line or the configuration is wrong."""

    exit_code = 2


class StoreError(PickingError):
    """A store folder that cannot be used; the message names the file and the line."""
