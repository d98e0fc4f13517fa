"""The files of the page, and the headers they are served with.

The policy lets the page load what the gateway itself serves, and pictures from the one host that
[map] tiles names. Nothing inline, nothing else from elsewhere.
"""

from importlib.resources import files
from urllib.parse import urlsplit

_KINDS = {"js": "text/javascript", "css": "text/css"}


def page_files() -> dict[str, tuple[str, str]]:
    """Return path -> (file name, content type) of everything that belongs to the page.

    The list is read from the package once; nothing that a client sends becomes a file name. login.html
    is not in it: who is not logged in gets it by a route of its own.
    """
    found = {"/": ("index.html", "text/html")}
    for each in files("gateway.web").joinpath("page").iterdir():
        kind = _KINDS.get(each.name.rpartition(".")[2])
        if kind:
            found[f"/{each.name}"] = (each.name, kind)
    return found


def read_file(name: str) -> bytes:
    """Return a file of the page; `name` is one of page_files()."""
    return files("gateway.web").joinpath("page", name).read_bytes()


def page_headers(tiles: str = "") -> dict[str, str]:
    """Return the headers of every answer; tiles: [map] tiles, '' when no tile server is used."""
    return {
        "Content-Security-Policy": (
            f"default-src 'self'; img-src 'self'{_origin(tiles)}; base-uri 'none'; "
            "form-action 'self'; frame-ancestors 'none'; object-src 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }


def _origin(tiles: str) -> str:
    """Return ' https://host:port' of a tile address, '' for none or for one that would break out."""
    if not tiles:
        return ""
    try:
        parts = urlsplit(tiles)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    host = "*" + host[3:] if host and host.startswith("{s}") else host
    if parts.scheme not in ("http", "https") or not host:
        return ""
    if not all(each.isalnum() or each in ".-*:" for each in host):
        return ""
    return f" {parts.scheme}://{host}{f':{port}' if port else ''}"
