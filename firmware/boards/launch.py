"""Starts the firmware on the board it finds itself on; called by /main.py (its text: tools/image.py).

A wrong or missing configuration ends at the prompt with one line: a reset would change nothing. Any
other fault resets after a pause, so that a slot on trial is counted down and the other gets its turn.
"""

# mypy: ignore-errors
import sys
import time

from firmware.boards.files import Files
from protocols.compat import const

CONFIG = "/config.json"
_PAUSE_S = const(5)


def open_board(config: dict):
    """Return the hardware of this board, an object of firmware.boards; config: of system.config."""
    if sys.platform == "esp32":
        from firmware.boards.esp32s3 import Esp32S3Board

        return Esp32S3Board(config["board"])
    import os

    from firmware.boards.unix import UnixBoard

    hardware = UnixBoard(os.getenv("O2O_BOARD_ROOT") or ".", config["board"])
    # The rings are in the host's folder; the small files lie where a board has them, on its littlefs.
    hardware.keep_files(Files(""))
    return hardware


def confirm_slot() -> None:
    """The running slot does its work: it stays, whatever comes (firmware.boot)."""
    import hashlib

    from firmware.boards.rom import Rom
    from firmware.system.forget import forget
    from firmware.system.slots import Slots

    if Slots(Rom(), hashlib.sha256).confirm():
        print("o2o: this version is confirmed")  # noqa: T201
    forget("firmware.system.slots", "firmware.boards.rom", "firmware.boot")


def launch():
    """Run the board for ever; returns only for a configuration that cannot be used."""
    # Before all else: what the check of the configuration takes is free again when the rest is loaded.
    from firmware.system.errors import ConfigError
    from firmware.system.forget import forget
    from firmware.system.trial import begin

    def build(config, on_trial):
        from firmware.main import Board

        forget("firmware.system.config")
        hardware = open_board(config)
        hardware.config_on_trial(on_trial)
        hardware.confirm_slot = confirm_slot
        return Board(hardware, config)

    told = ""
    try:
        board = begin(Files(""), build)
    except ConfigError as fault:
        told = str(fault)
    if told:
        print("o2o: not started: {}; run: o2o board provision".format(told))  # noqa: T201
        return
    del begin, build
    forget("firmware.system.trial")
    from firmware.main import run

    print("o2o: started")  # noqa: T201
    run(board)


def start():
    """Run the board; a fault is printed, and ends in a reset."""
    try:
        launch()
    except KeyboardInterrupt:
        return
    except Exception as fault:
        sys.print_exception(fault)
        print("o2o: stopped; restarting in {} s".format(_PAUSE_S))  # noqa: T201
        time.sleep(_PAUSE_S)
        import machine

        machine.reset()
