"""What the gateway tells a person when it cannot go on.

GatewayError         the machine or an input is at fault           exit code 1
+- ConfigError       the configuration file is at fault            exit code 2
+- IntakeError       an order or pick list from outside is wrong; the sender is told, nothing changes
"""


class GatewayError(Exception):
    """The gateway cannot go on; the message says what to do."""

    exit_code = 1


class ConfigError(GatewayError):
    """The configuration file is wrong; the message names the key."""

    exit_code = 2


class IntakeError(GatewayError):
    """An order or a pick list that was not accepted; the message goes back to its sender."""
