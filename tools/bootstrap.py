"""Makes the virtual environment: the only part of set-up that runs on the machine's own Python.

Debian's python3 comes without ensurepip; as root the missing package is installed, else its name is
told.
"""

import os
import subprocess
import sys
import venv
from importlib.util import find_spec


def main(folder: str) -> int:
    """Create the environment in `folder`; 1 with one line when it cannot be made."""
    if sys.version_info < (3, 11):  # noqa: UP036 (make runs whatever python3 is)
        found = ".".join(str(part) for part in sys.version_info[:2])
        print(
            f"setup: Python 3.11 or newer is needed, this is {found}; try: make PYTHON=python3.11"
        )
        return 1
    if find_spec("ensurepip") is None:
        package = f"python3.{sys.version_info.minor}-venv"
        if os.geteuid() != 0:
            print(f"setup: Python's venv module is incomplete; as root: apt-get install {package}")
            return 1
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "-qq", "update"], env=env, check=True)
        subprocess.run(["apt-get", "-qq", "-y", "install", package], env=env, check=True)
        # This interpreter has already looked for ensurepip: begin again.
        os.execv(sys.executable, [sys.executable, __file__, folder])  # noqa: S606
    venv.create(folder, with_pip=True, symlinks=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
