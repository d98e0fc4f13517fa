"""A backend's reader, made from the feed document alone: it knows nothing of our code.

    reader.py ASYNCAPI.YAML HOST PORT OUT.JSONL

Generates the reader as a backend team would (`o2o contract --reader python`) beside OUT.JSONL, and
becomes it: a program of its own, with msgspec and paho-mqtt and nothing else. It decodes every record
into the struct of its stream, which checks it, removes repeats by `id`, and writes what is left, in
order of arrival, one JSON object a line: {"topic", "body", "valid"}. Repeats are counted in the last
line, written at SIGTERM.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main(document: str, host: str, port: str, out_path: str) -> None:
    """Generate the reader and run it in this process's place."""
    program = Path(out_path).with_name("feed_reader.py").resolve()
    command = [sys.executable, "-m", "tools.cli", "contract", "--reader", "python"]
    subprocess.run([*command, "--document", document, "--out", str(program)], check=True, cwd=ROOT)
    # Isolated from the checkout: -I leaves out the working directory and PYTHONPATH.
    os.execv(sys.executable, [sys.executable, "-I", str(program), host, port, out_path])  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
