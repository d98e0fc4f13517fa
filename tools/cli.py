"""`o2o`: one command, its subcommands imported only when they are called.

A subcommand is a module with `HELP`, `add_arguments(parser)` and `run(args) -> int`.
Exit codes: 0 done, 1 bad input or a machine that lacks something, 2 bad usage or bad config.
JSON lines go to stdout, words for people to stderr.
"""

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence

# name -> module; the help text is read from the module only when it is needed.
COMMANDS = {
    "demo": "tools.demo.command",
    "nmea": "tools.nmea",
    "ble": "tools.ble",
    "track": "tools.track",
    "route": "tools.route.command",
    "stops": "tools.stops",
    "eta": "tools.eta",
    "store": "tools.store",
    "board": "tools.board.command",
    "ar": "tools.ar",
    "gateway": "tools.gateway",
    "parts": "tools.parts.command",
    "simulate": "tools.simulate.command",
    "bench": "tools.bench.command",
    "contract": "tools.contract.command",
    "feed": "tools.feed.command",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run `o2o ARGV` and return its exit code; a known fault is one line on stderr, no traceback."""
    words = list(sys.argv[1:] if argv is None else argv)
    name = words[0] if words else ""
    try:
        return _run(words)
    except KeyboardInterrupt:  # also while a command's modules are still being imported
        print(f"o2o {name}: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`o2o nmea ... | head`): that is how pipes end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as fault:
        print(f"o2o {name}: {_plain(fault)}", file=sys.stderr)
        return 1
    except Exception as fault:
        code = getattr(fault, "exit_code", None)
        if code is None:
            raise  # a defect of ours: the traceback is what the developer needs
        print(f"o2o {name}: {fault}", file=sys.stderr)
        return int(code)


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_overview(), flush=True)
        return 0 if words else 2
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        print(f"o2o: no command '{name}'; there is: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    module = importlib.import_module(COMMANDS[name])
    parser = argparse.ArgumentParser(prog=f"o2o {name}", description=module.HELP)
    module.add_arguments(parser)
    try:
        args = parser.parse_args(rest)
    except SystemExit as stop:  # argparse has already said what is wrong
        return int(stop.code or 0)
    code = int(module.run(args) or 0)
    sys.stdout.flush()  # here, where a reader that has gone away is no fault
    return code


def _plain(fault: OSError) -> str:
    """An operating-system error in the words of someone who can act on it."""
    where = f" '{fault.filename}'" if fault.filename else ""
    advice = {
        errno.ENOENT: f"no such file:{where}",
        errno.EACCES: f"not allowed to open{where}; check its permissions",
        errno.EISDIR: f"{where.strip()} is a folder, not a file",
        errno.ENOSPC: f"no space left on the disk{' for' + where if where else ''}; "
        "free some, or choose another folder (--out, TMPDIR)",
        errno.EADDRINUSE: "the port is in use; stop the other program or choose another port",
    }
    return advice.get(fault.errno or 0, f"{fault.strerror or fault}{where}")


def _overview() -> str:
    lines = ["usage: o2o COMMAND ...", ""]
    for name, path in COMMANDS.items():
        lines.append(f"  {name:10} {importlib.import_module(path).HELP}")
    lines += ["", "o2o COMMAND --help tells more."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
