"""A board's own folder of small files: configuration, certificates, boot count, cause of the reset.

On littlefs a file is the old one or the new one after a power cut, never half of it; on a desktop the
rename makes it so.
"""

import os


class Files:
    """The files of the folder `root` ("": that of a board); what is asked of it: system.trial."""

    def __init__(self, root: str):
        self._root = root

    def path(self, name: str) -> str:
        """Return where the file `name` is."""
        return self._root + "/" + name

    def read(self, name: str):
        """Return the bytes of a file, None when there is none."""
        try:
            with open(self.path(name), "rb") as file:
                return file.read()
        except OSError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Write a file beside the old one, and put it in its place."""
        path = self.path(name)
        with open(path + ".part", "wb") as file:
            file.write(data)
        os.rename(path + ".part", path)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name; a file that had it is gone."""
        os.rename(self.path(old), self.path(new))

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is removed already."""
        try:
            os.remove(self.path(name))
        except OSError:
            pass

    def count(self, name: str, first: int) -> int:
        """Add one to the number in a file and return it; `first` when there was none."""
        try:
            number = int(self.read(name) or b"") + 1
        except ValueError:
            number = first
        self.write(name, b"%d" % number)
        return number

    def take(self, name: str) -> str:
        """Return the text of a file, at most 40 characters, and remove it; "" when there is none."""
        data = self.read(name)
        if data is None:
            return ""
        self.remove(name)
        try:
            return data.decode()[:40]
        except UnicodeError:
            return ""


class TriedConfig:
    """What a board does with a configuration on trial (system.trial); it has its files in `_files`."""

    _files: "Files"
    _config_name = ""

    def config_on_trial(self, name: str) -> None:
        """The configuration comes from the file `name`; see system.trial."""
        self._config_name = name

    def keep_config(self) -> None:
        """The gateway was reached: the configuration on trial, if there is one, is the last good one."""
        if self._config_name:
            self._files.rename(self._config_name, "config.json")
            self._config_name = ""
