"""Starts the firmware of a board that a simulator leads through its world (firmware.boards.lockstep)."""

import gc


def heap_free() -> int:
    """Return the free heap once what is garbage has been collected."""
    gc.collect()
    return gc.mem_free()


def lead(root: str, boot: int, cause: str) -> None:
    """Run the board in folder `root`; a fault of the firmware ends with its traceback."""
    # Before all else: what the check of the configuration takes is free again when the rest is loaded.
    from firmware.system.config import load
    from firmware.system.forget import forget

    config = load(root + "/config.json")
    del load
    forget("firmware.system.config")
    from firmware.boards.lockstep import LockstepBoard
    from firmware.main import Board, run

    hardware = LockstepBoard(root, boot, cause)
    board = Board(hardware, config)
    hardware.watch(board.device.journal.rings, heap_free)
    run(board)
