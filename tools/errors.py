"""What the `o2o` command tells a person when it cannot go on.

    ToolError            the input or the machine is at fault       exit code 1
    +- UsageError        the command line or a config is at fault   exit code 2
    +- PartMissingError a real part (MicroPython, a broker, ...) is not here and could not be fetched

Every message is one line that says what happened and what to do next.
Each package has such a tree of its own; the command reads `exit_code` from any of them.
"""


class ToolError(Exception):
    """The command cannot go on; the message says what to do."""

    exit_code = 1


class UsageError(ToolError):
    """The command line or a configuration file is wrong."""

    exit_code = 2


class PartMissingError(ToolError):
    """A program that has to be real is not on this machine and could not be fetched."""
