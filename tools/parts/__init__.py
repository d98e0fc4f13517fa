"""The real parts: programs that are found, or fetched from the machine's own package sources.

`tools.parts.catalogue` lists them; `require(name)` gives the command to run one.
"""

from tools.parts.catalogue import PARTS, require

__all__ = ["PARTS", "require"]
