"""Flashing the simulated board by mpremote's transport: bytes, files, seconds; sizes for the boards.

`make bench`. The line is a pty without a speed limit: on a real one, bytes over the line / 11,520 a
second at 115,200 baud is what is added. The cable pulled at 50 points: `O2O_CUTS=50 pytest
tests/tools/test_board_cuts.py`.
"""

from tools.board import flash as flashing
from tools.board.sim import SimulatedBoard
from tools.image import build, compiled, device_files, pack

CHANGED = "firmware/rider/orders.mpy"


def changed(folder):
    """The image with 37 bytes more in one file."""
    files = compiled(device_files("unix"), "x64")
    longer = folder / "longer.mpy"
    longer.write_bytes(files[CHANGED].read_bytes() + b"\0" * 37)
    return pack({**files, CHANGED: longer}, "bench", "x64", "0.1.1")


def test_first_flash_changed_file_and_nothing_to_do(tmp_path, monkeypatch):
    build("x64", "unix")  # compiled beforehand: mpy-cross is not what is measured
    board = SimulatedBoard(tmp_path / "board")
    try:
        path = board.start()
        for name in ("first flash", "nothing to do", "one file changed"):
            if name == "one file changed":
                image = changed(tmp_path)
                monkeypatch.setattr(flashing, "build", lambda *_, image=image: image)
            before = board.received
            report = flashing.flash(path, listen_ms=0)
            assert report["ok"]
            print(
                f"\n{name}: {report['files_sent']} of {report['files']} files, "
                f"{report['sent_bytes']} of {report['image_bytes']} bytes of image, "
                f"{board.received - before} bytes over the line, "
                f"{report.get('blocks_written', 0)} blocks written, {report['seconds']} s"
            )
    finally:
        board.stop()


def test_sizes_for_the_boards():
    for arch in ("xtensawin", "armv7emsp"):
        image = build(arch, "esp32s3")
        total = sum(part.size for part in image.parts)
        print(f"\n{arch}: {len(image.parts)} files, {total} B of .mpy, {len(image.data)} B image")
