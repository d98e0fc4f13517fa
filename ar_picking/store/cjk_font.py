"""A font on this machine that has Chinese, for a PDF to embed; none is shipped."""

from __future__ import annotations

from pathlib import Path

from PIL import ImageFont

from ar_picking.errors import ConfigError

_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.fonts",
    "~/.local/share/fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "C:/Windows/Fonts",
)
# the first that is found: Noto and Source Han (the same design), WenQuanYi, the systems' own
_NAMES = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "NotoSansSC-Regular.otf",
    "NotoSansSC-Regular.ttf",
    "SourceHanSansSC-Regular.otf",
    "SourceHanSansCN-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "msyh.ttc",
    "simhei.ttf",
    "PingFang.ttc",
)
_MOST_FACES = 32


def find(folders: tuple[str, ...] = _FOLDERS) -> Path | None:
    """The best Chinese font installed, None when there is none."""
    best: tuple[int, Path] | None = None
    for folder in folders:
        root = Path(folder).expanduser()
        if not root.is_dir():
            continue
        for path in sorted(root.rglob("*")):
            if path.name in _NAMES and (best is None or _NAMES.index(path.name) < best[0]):
                best = (_NAMES.index(path.name), path)
    return best[1] if best else None


def face(path: Path) -> int:
    """Which face of a collection is the simplified Chinese one; 0 for a plain font file.

    ConfigError when the file is no font.
    """
    names = []
    for index in range(_MOST_FACES):
        try:
            names.append(str(ImageFont.truetype(path, 10, index=index).getname()[0]))
        except (OSError, ValueError) as fault:
            if not names:
                raise ConfigError(f"{path} cannot be read as a font: {fault}") from fault
            break
        if path.suffix.lower() not in (".ttc", ".otc"):
            break
    return next((i for i, name in enumerate(names) if name.endswith(" SC")), 0)
