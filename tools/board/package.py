"""package.json for mip, made from the list of files that an image uses.

At the top of the repository, because mip's relative addresses cannot climb out of their folder.
"""

import json

from firmware import VERSION
from tools.image import device_files
from tools.parts.place import ROOT

PACKAGE = ROOT / "package.json"


def package() -> str:
    """Return the text of package.json: every device file of an ESP32-S3 rider's board."""
    names = [path.relative_to(ROOT).as_posix() for path in device_files("esp32s3")]
    urls = ",\n    ".join(json.dumps([name, name]) for name in names)
    return f'{{\n  "version": "{VERSION}",\n  "deps": [],\n  "urls": [\n    {urls}\n  ]\n}}\n'
