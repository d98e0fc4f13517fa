"""The files of the page and what it fetches beside them, held in memory with a hash each.

Nothing is looked up by a path that a browser sends: what can be asked for is a table made at the start.
Every answer is asked for again with its ETag, so that a tablet never runs half of an old page, and costs
nothing when nothing has changed.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from ar_picking.errors import ConfigError

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".webmanifest": "application/manifest+json; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".wasm": "application/wasm",
    ".ogg": "audio/ogg",
    ".wav": "audio/wav",
    ".o2om": "application/octet-stream",
}
_PACKED = {".html", ".js", ".mjs", ".css", ".json", ".webmanifest", ".svg", ".wasm"}
_WASM = ("micropython.mjs", "micropython.wasm")
_LANGUAGES = ("zh", "en")
_CLIP_TYPES = (".ogg", ".wav")
_MAX_CLIP_BYTES = 1_000_000
_MAX_CLIPS = 2_000


@dataclass(frozen=True, slots=True)
class Asset:
    """What one path answers: bytes, the same packed with gzip (or None), type and ETag."""

    body: bytes
    packed: bytes | None
    content_type: str
    etag: str

    @classmethod
    def of(cls, body: bytes, suffix: str) -> Asset:
        """From bytes and what their file's name would end in, one of TYPES."""
        packed = gzip.compress(body, 6, mtime=0) if suffix in _PACKED else None
        return cls(body, packed, TYPES[suffix], f'"{hashlib.sha256(body).hexdigest()[:32]}"')

    def answer(self, request: web.Request) -> web.Response:
        """The whole, or 304 when the browser has it."""
        headers = {"ETag": self.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        known = request.headers.get("If-None-Match", "")
        if self.etag in [each.strip().removeprefix("W/") for each in known.split(",")]:
            return web.Response(status=304, headers=headers)
        body = self.body
        if self.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            body = self.packed
            headers["Content-Encoding"] = "gzip"
        headers["Content-Type"] = self.content_type
        return web.Response(body=body, headers=headers)


def page_files(folder: Path) -> dict[str, Asset]:
    """{path: asset} of a folder of static files, index.html as '/'; other types are left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix in TYPES and path.is_file():
            found["/" + path.relative_to(folder).as_posix()] = Asset.of(
                path.read_bytes(), path.suffix
            )
    if "/index.html" in found:
        found["/"] = found.pop("/index.html")
    return found


def wasm_files(folder: Path | None) -> dict[str, Asset]:
    """The MicroPython that runs in the page; ConfigError when the folder does not hold it."""
    found = {}
    for name in _WASM:
        path = None if folder is None else folder / name
        if path is None or not path.is_file():
            where = "--wasm is missing" if path is None else f"{path} is not there"
            raise ConfigError(
                f"{where}: name the folder of the npm package "
                "@micropython/micropython-webassembly-pyscript, which holds " + " and ".join(_WASM)
            )
        found["/" + name] = Asset.of(path.read_bytes(), path.suffix)
    return found


def clip_files(folder: Path | None) -> dict[str, Asset]:
    """The recorded hints, folder/zh/ID.ogg and folder/en/ID.ogg (or .wav), up to 1 MB each.

    A recording of the same name replaces a synthesised one; both types are found under .ogg.
    ConfigError when there are more than 2,000.
    """
    found: dict[str, Asset] = {}
    for language in _LANGUAGES if folder is not None else ():
        assert folder is not None
        for suffix in reversed(_CLIP_TYPES):
            for path in sorted((folder / language).glob("*" + suffix)):
                if path.is_file() and path.stat().st_size <= _MAX_CLIP_BYTES:
                    asset = Asset.of(path.read_bytes(), suffix)
                    found[f"/clips/{language}/{path.stem}.ogg"] = asset
                    found[f"/clips/{language}/{path.name}"] = asset
    if len(found) > _MAX_CLIPS * len(_CLIP_TYPES):
        raise ConfigError(f"{folder}: more than {_MAX_CLIPS} clips")
    return found
