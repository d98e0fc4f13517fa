"""Runs shared test files under MicroPython: micropython run.py REPO FILE.. (pytest is not there).

Prints one line per failure and a last line "N passed, N failed"; exit code 1 if any failed.
"""

import sys


def run(names):
    """Import each module and call its test functions."""
    passed = failed = 0
    for name in names:
        module = __import__(name)
        for each in sorted(dir(module)):
            if not each.startswith("test_"):
                continue
            try:
                getattr(module, each)()
                passed += 1
            except Exception as fault:
                failed += 1
                print("FAILED", name, each)
                if hasattr(sys, "print_exception"):
                    sys.print_exception(fault)
        # One file's objects must not take the heap from the next one.
        for each in list(sys.modules):
            if each == name:
                del sys.modules[each]
    print(f"{passed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.path.append(sys.argv[1])
    sys.path.append(sys.argv[1] + "/tests/shared")
    sys.exit(1 if run(sys.argv[2:]) else 0)
