"""Errors of the system part; in a file of their own, because the code that raises them may be forgotten.

Exception
  ConfigError    a person has to change config.json
"""


class ConfigError(Exception):
    """The configuration is wrong; the message names the key."""

    exit_code = 2
