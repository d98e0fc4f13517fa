"""`python -m tools.walk_page DIR` draws docs/walk.md's pictures into DIR; without it, its tables."""

import sys
from pathlib import Path

from tools.walk_page.pictures import pictures
from tools.walk_page.tables import tables

if __name__ == "__main__":
    if len(sys.argv) > 1:
        for name, svg in pictures().items():
            Path(sys.argv[1], name).write_text(svg, encoding="utf-8")
    else:
        print("\n\n".join(tables()))
