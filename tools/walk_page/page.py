"""A small SVG page: paths, dots and words in a few styles, on white for dark pages' sake."""

from html import escape

Point = tuple[float, float]
_STYLE = """
text{font:13px 'Noto Sans',sans-serif;fill:#222}
.big{font-size:15px;font-weight:600}.mid{text-anchor:middle}.dim{fill:#666}
.way{stroke:#d9d9d9;stroke-width:9}.ahead{stroke:#c4c4c4;stroke-dasharray:2 4}
.p1{stroke:#0072b2}.p2{stroke:#d55e00}.p3{stroke:#007a5a}.from{stroke:#bbb}
.best{stroke:#0072b2;stroke-width:2.5}.cell{stroke:#ddd}
path{fill:none;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.pick{fill:#e69f00;stroke:#5a3a00}.depot{fill:#009e73;stroke:#00402e}
.on{fill:#222}.off{fill:#fff;stroke:#222}
.head{fill:#0072b2;stroke:none}
"""


class Page:
    """Shapes in px, x to the right and y down, later ones on top."""

    def __init__(self, width_px: float, height_px: float, title: str) -> None:
        self._size = f"{width_px:g} {height_px:g}"
        self._title = title
        self._parts: list[str] = []

    def lines(self, lines: list[list[Point]], style: str) -> None:
        """Draw lines as one path."""
        if lines:
            drawn = "".join(
                "M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in line) for line in lines
            )
            self._parts.append(f'<path class="{style}" d="{drawn}"/>')

    def dots(self, points: list[Point], radius_px: float, style: str) -> None:
        """Draw dots."""
        for x, y in points:
            self._parts.append(
                f'<circle class="{style}" cx="{_short(x)}" cy="{_short(y)}" r="{_short(radius_px)}"/>'
            )

    def words(self, at: Point, words: str, style: str = "") -> None:
        """Write words; their middle is at that height."""
        kind = f' class="{style}"' if style else ""
        x, y = at
        self._parts.append(
            f'<text{kind} x="{_short(x)}" y="{_short(y + 4.5)}">{escape(words)}</text>'
        )

    def svg(self) -> str:
        """Return the page as text."""
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self._size}">',
                f"<title>{escape(self._title)}</title>",
                "<!-- drawn by python -m tools.walk_page, out of a run of the solver -->",
                f"<style>{_STYLE}</style>",
                '<rect width="100%" height="100%" fill="#fff"/>',
                *self._parts,
                "</svg>\n",
            ]
        )


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
