"""`o2o store markers`: marker sheets as PDF, 1:1."""

from __future__ import annotations

import argparse
from pathlib import Path

from tools.errors import UsageError
from tools.store.say import say

HELP = "print the markers: PDF sheets at 1:1, in the order in which they are hung"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which markers, on what."""
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE.pdf")
    parser.add_argument(
        "--paper",
        choices=("A4", "A3", "A2"),
        default="A4",
        help="what does not fit goes to a second file on the next larger one (default A4)",
    )
    parser.add_argument(
        "--bins", default="*", metavar="PATTERN", help="only markers of these bins, like 'A1-*'"
    )
    parser.add_argument(
        "--size-mm", type=float, metavar="N", help="only markers whose black square is so long"
    )
    parser.add_argument("--numbers", metavar="3,17-20", help="only these markers")
    parser.add_argument(
        "--worn",
        action="store_true",
        help="only those that daily use says to replace (o2o store check lists them)",
    )
    parser.add_argument(
        "--font", type=Path, metavar="FILE", help="a font with Chinese; else one is looked for"
    )


def run(args: argparse.Namespace) -> int:
    """Write the sheets; one line a file."""
    from ar_picking.store import cjk_font, folder, marker_pdf, marker_sheets, wear

    if args.out.suffix.lower() != ".pdf":
        raise UsageError(f"--out {args.out}: the name must end in .pdf")
    if args.worn and args.numbers:
        raise UsageError("--worn and --numbers do not go together; choose one")
    store = folder.load(args.folder)
    numbers = marker_sheets.number_list(args.numbers) if args.numbers else None
    if args.worn:
        numbers = list(wear.replaceable(store, wear.read(store.folder)[0]))
        if not numbers:
            say({"printed": None, "markers": 0, "text": "daily use doubts no marker"})
            return 0
    tiles = marker_sheets.tiles(store, args.bins, args.size_mm, numbers)
    font = args.font or cjk_font.find()
    title = f"{store.name} {store.id}"
    for paper, part in marker_pdf.split_by_paper(tiles, args.paper).items():
        out = args.out
        if paper != args.paper:
            out = out.with_name(f"{out.stem}-{paper}.pdf")
        pages = marker_pdf.write(out, part, paper, title, font)
        say(
            {
                "printed": str(out),
                "paper": paper,
                "pages": pages,
                "markers": len(part),
                "font": str(font) if font else "none found: texts are pictures",
            }
        )
    return 0
