"""One list of device files: image, freezing manifest and mip's package.json agree; the tables hold."""

import ast
import json

import pytest

from tools.board.package import PACKAGE, package
from tools.board.partitions import KIB, TABLES, faults, read
from tools.board.recipe import Recipe
from tools.board.sim import ROM_BYTES, VFS_BYTES
from tools.cli import main
from tools.errors import ToolError
from tools.image import build, device_files
from tools.parts.place import ROOT

OURS = ("firmware", "protocols")
FILES = {path.relative_to(ROOT).as_posix() for path in device_files("esp32s3")}


def test_the_manifest_freezes_what_an_image_holds():
    manifest = ROOT / "firmware" / "manifest.py"
    frozen = set()

    def package(name, files=None, base_path="."):
        base = (manifest.parent / base_path).resolve()
        found = [base / name / each for each in files] if files else (base / name).rglob("*.py")
        frozen.update(path.relative_to(ROOT).as_posix() for path in found)

    exec(
        compile(manifest.read_text(), manifest.name, "exec"),
        {"package": package, "include": lambda path: None},
    )
    assert frozen == FILES


def test_package_json_lists_what_an_image_holds():
    assert PACKAGE.read_text() == package(), "run: o2o board package"
    urls = json.loads(PACKAGE.read_text())["urls"]
    assert {target for target, _ in urls} == FILES
    for target, source in urls:
        assert target == source and (ROOT / source).is_file()


@pytest.mark.parametrize("board", ["unix", "esp32s3"])
def test_an_image_holds_all_that_its_files_import(board):
    names = {path.relative_to(ROOT).with_suffix("").as_posix() for path in device_files(board)}
    modules = {name.removesuffix("/__init__").replace("/", ".") for name in names}
    other = {"unix": "esp32s3", "esp32s3": "unix"}[board]
    for path in device_files(board):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in OURS:
                if path.name == "launch.py" and node.module == f"firmware.boards.{other}":
                    continue
                whole = {f"{node.module}.{each.name}" for each in node.names}
                assert node.module in modules or whole <= modules, f"{path.name}: {node.module}"


def test_no_image_carries_another_board_and_each_its_own():
    names = {path.name for path in device_files("esp32s3") if path.parent.name == "boards"}
    assert not names & {"unix.py", "linux.py", "unix_start.py", "memory.py", "repl_server.py"}
    unix = {path.name for path in device_files("unix") if path.parent.name == "boards"}
    assert {"unix.py", "flash.py", "launch.py", "rom.py"} <= unix and "esp32s3.py" not in unix


@pytest.mark.parametrize("arch", ["xtensawin", "armv7emsp"])
def test_every_device_file_is_compiled_and_fits_a_slot(arch):
    image = build(arch, "esp32s3")
    assert {part.name for part in image.parts} == {name[:-3] + ".mpy" for name in FILES}
    for mb in TABLES:
        slot = next(each for each in read(TABLES[mb]) if each.name == "romfs").size // 2
        assert len(image.data) <= slot
    for part in image.parts:
        assert image.data[part.offset : part.offset + 2] == b"M\x06"  # a .mpy of version 6


def test_sizes_are_told(capsys):
    assert main(["board", "sizes", "--arch", "xtensawin"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["arch"] == "xtensawin" and told["files"] == len(FILES)


def test_a_recipe_makes_the_image_whatever_the_board_has():
    image = build("xtensawin", "esp32s3")
    hashes = {part.name: part.sha256 for part in image.parts}
    content = {part.name: image.data[part.offset : part.offset + part.size] for part in image.parts}
    names = sorted(hashes)
    for kept in (set(), set(names), set(names[::2]), set(names[:1])):
        recipe = Recipe(image, {name: hashes[name] for name in kept})
        assert made_by(recipe, content) == image.data
        assert recipe.files_copied == len(kept)
        assert set(recipe.files_sent) == set(names) - kept
    stale = Recipe(image, dict.fromkeys(names, "0" * 64))
    assert made_by(stale, content) == image.data and stale.files_copied == 0


def made_by(recipe, content):
    """Run a recipe's programs with the board's three commands."""
    import base64
    import zlib

    made = bytearray()
    counted = 0
    commands = {
        "copy": lambda name: made.extend(content[name]),
        "put": made.extend,
        "data": lambda text: made.extend(zlib.decompress(base64.b64decode(text))),
    }
    for program, count in recipe.programs():
        exec(program, commands)
        counted += count
        assert len(made) == counted
    return bytes(made)


@pytest.mark.parametrize("mb", TABLES)
def test_the_partition_tables_hold(mb, capsys):
    assert faults(read(TABLES[mb]), mb * KIB * KIB) == []
    assert main(["board", "partitions", "--mb", str(mb)]) == 0
    assert '"romfs"' in capsys.readouterr().out


def test_the_simulated_board_has_the_partitions_of_the_small_one():
    sizes = {each.name: each.size for each in read(TABLES[8])}
    assert (sizes["romfs"], sizes["vfs"]) == (ROM_BYTES, VFS_BYTES)


def test_a_table_that_does_not_hold_is_told(tmp_path):
    path = tmp_path / "t.csv"
    good = TABLES[8].read_text()
    for old, new, words in (
        ("0x4a0000, 0x180000", "0x490000, 0x180000", "'romfs' begins inside 'ota_1'"),
        ("0x770000, 0x90000", "0x770000, 0xa0000", "ends at"),
        ("0x260000, 0x240000", "0x261000, 0x230000", "multiple"),
        ("0x20000,  0x240000", "0x20000,  0x230000", "differ in size"),
        ("state,    data, 0x42,     0x760000, 0x10000\n", "", "'state' is missing"),
    ):
        assert old in good
        path.write_text(good.replace(old, new))
        assert any(words in told for told in faults(read(path), 8 * KIB * KIB)), words
    path.write_text("nvs, data\n")
    with pytest.raises(ToolError, match="line 1 is no partition"):
        read(path)
