"""A new configuration is tried out; until it has proved itself the last good one is kept.

Three files in the board's folder: `config.json` (the last good one), `config.new` (a new one, written
beside it) and `config.bad` (why the last new one was refused). At a start `config.new` becomes
`config.try1`, at the next ones `config.try2` and `config.try3`: the number of starts stands in the name,
so each step is one rename, which a power cut does or does not do. A start is a success when the gateway
has acknowledged something; then the file becomes `config.json`. A configuration that three starts could
not reach the gateway with, or that does not pass the check, is refused.
"""

from firmware.system.errors import ConfigError
from firmware.system.forget import forget

GOOD = "config.json"
NEW = "config.new"
BAD = "config.bad"
_TRIES = ("config.try1", "config.try2", "config.try3")
_TOLD_MAX = 200


class Trial:
    """Chooses the configuration of this start.

    files: path(name) for messages, read(name) -> bytes or None, write(name, data), rename(old, new)
    over an existing file, remove(name) (a missing file is none); OSError from them is passed on.
    ConfigError when there is none that passes the check. The check itself is forgotten afterwards.

    `config`: of system.config.check(); `name`: the file it came from; `on_trial`: it becomes the last
    good one (a rename of `name` to GOOD) once the gateway has acknowledged something; `told`: why a
    new one was refused, by this start or the last one that did, else "".
    """

    def __init__(self, files):
        self._files = files
        self.told = ""
        self.config = None
        self.name = self._next()
        if self.name is not None:
            self.config = self._parsed(self.name)
        self.on_trial = self.config is not None
        if self.config is None:
            self.name = GOOD
            self.config = self._last_good()
        if not self.told:
            self.told = (files.read(BAD) or b"").decode()
        forget("firmware.system.config")

    def _next(self):
        """Return the name of the candidate, one start on; None when there is none (any more)."""
        files = self._files
        if files.read(NEW) is not None:
            # Newer than one that is on trial already, which ends here.
            for name in _TRIES[1:]:
                files.remove(name)
            files.remove(BAD)
            files.rename(NEW, _TRIES[0])
            return _TRIES[0]
        # From the last on: there is one of them, but for a power cut while a newer one came in.
        if files.read(_TRIES[2]) is not None:
            if files.read(GOOD) is None:
                return _TRIES[2]  # the board's first: nothing to go back to
            self._refuse(_TRIES[2], "three starts did not reach the gateway with it")
            return None
        for i in (1, 0):
            if files.read(_TRIES[i]) is not None:
                files.rename(_TRIES[i], _TRIES[i + 1])
                return _TRIES[i + 1]
        return None

    def _last_good(self):
        from firmware.system.config import parse

        path = self._files.path(GOOD)
        data = self._files.read(GOOD)
        if data is None:
            told = "cannot read {}: no such file; write the board's config there".format(path)
            raise ConfigError(self.told or told)
        return parse(data, path)

    def _parsed(self, name):
        from firmware.system.config import parse

        told = ""
        try:
            return parse(self._files.read(name), self._files.path(NEW))
        except ConfigError as fault:
            told = str(fault)
        self._refuse(name, told)
        return None

    def _refuse(self, name, told):
        self.told = told[:_TOLD_MAX]
        # Said first: a cut in between refuses it once more, with the same words.
        self._files.write(BAD, self.told.encode())
        self._files.remove(name)

    def refuse(self, told: str) -> None:
        """The board cannot use the one on trial (its wiring, its role): the last good one stays."""
        self._refuse(self.name, told)


def begin(files, build):
    """Return build(config, name of its file when on trial, else ""): the application on its board.

    When build() raises ConfigError for one on trial, it is refused and the last good one taken.
    """
    trial = Trial(files)
    if trial.on_trial:
        told = ""
        try:
            return build(trial.config, trial.name)
        except ConfigError as fault:
            told = str(fault)
        trial.refuse(told)
        if files.read(GOOD) is None:
            raise ConfigError(told)
        trial = Trial(files)
    return build(trial.config, "")
