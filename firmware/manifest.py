"""Freezing manifest of a rider's board: everything of ours inside the MicroPython binary.

    make -C ports/esp32 BOARD=ESP32_GENERIC_S3 FROZEN_MANIFEST=.../firmware/manifest.py

For boards without a `romfs` partition; updates are then whole binaries in ota_0 and ota_1. The files are
those of tools.image.device_files("esp32s3"), held so by tests/tools/test_board_package.py.
"""

# ruff: noqa: F821
# mypy: ignore-errors
include("$(PORT_DIR)/boards/manifest.py")

package("protocols", base_path="..")
package("firmware/system", base_path="..")
package("firmware/rider", base_path="..")
package(
    "firmware",
    (
        "__init__.py",
        "boot.py",
        "main.py",
        "preload.py",
        "boards/__init__.py",
        "boards/adverts_ring.py",
        "boards/dial.py",
        "boards/esp32s3.py",
        "boards/esp32s3_net.py",
        "boards/files.py",
        "boards/launch.py",
        "boards/receiver.py",
        "boards/rom.py",
        "boards/tcp.py",
        "boards/tls.py",
    ),
    base_path="..",
)
