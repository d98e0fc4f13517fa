"""Starts the firmware of a simulated board: the one that a person looks at, in a terminal."""

import sys


def give_up(fault, code):
    """End with one line for the person at the terminal."""
    print("board:", fault, file=sys.stderr)  # noqa: T201 (a terminal is all there is)
    sys.exit(code)


def run_in(root: str) -> None:
    """Run the board in folder `root`.

    What keeps it from starting is one line: exit code 2 for a wrong config, 1 for what is not there.
    """
    # Before all else: what the check of the configuration takes is free again when the rest is loaded.
    from firmware.boards.files import Files
    from firmware.system.errors import ConfigError
    from firmware.system.forget import forget
    from firmware.system.trial import begin

    def build(config, on_trial):
        from firmware.boards.unix import UnixBoard
        from firmware.main import Board

        forget("firmware.system.config")  # in case one of them has asked for it again
        hardware = UnixBoard(root, config["board"])
        hardware.config_on_trial(on_trial)
        return Board(hardware, config)

    path = root + "/config.json"
    try:
        board = begin(Files(root), build)
        del begin, build
        forget("firmware.system.trial")
        from firmware.main import run
    except ConfigError as fault:
        told = str(fault)
        give_up(told if path in told else "{}: {}".format(path, told), 2)
    except OSError as fault:
        give_up("cannot start in {}: {}".format(root, fault), 1)
    except KeyboardInterrupt:
        sys.exit(0)
    try:
        run(board)
    except KeyboardInterrupt:
        sys.exit(0)
