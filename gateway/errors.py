"""What the gateway tells a person when it cannot go on.

GatewayError         the machine or an input is at fault           exit code 1
+- ConfigError       the configuration file is at fault            exit code 2
+- IntakeError       an order or pick list from outside is wrong; the sender is told, nothing changes
   +- TransientIntakeError  the gateway cannot write at the moment; the same message again is right
"""


class GatewayError(Exception):
    """The gateway cannot go on; the message says what to do."""

    exit_code = 1


class ConfigError(GatewayError):
    """The configuration file is wrong; the message names the key."""

    exit_code = 2


class IntakeError(GatewayError):
    """An order or a pick list that was not accepted; the message goes back to its sender.

    status: the HTTP status that says the same: 400 wrong in itself, 404 about an order that is not
    known, 409 against what is known.
    """

    def __init__(self, message: str, status: int = 400):
        super().__init__(message)
        self.status = status


class TransientIntakeError(IntakeError):
    """The gateway's own trouble, not the message's: repeat it, repeating is safe."""

    def __init__(self, message: str):
        super().__init__(message, 503)
