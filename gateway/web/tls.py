"""TLS of the HTTP port: 1.2 at least, and a certificate that may be renewed while the gateway runs."""

from __future__ import annotations

import logging
import os
import ssl
from pathlib import Path

from gateway.errors import ConfigError

log = logging.getLogger(__name__)


class Tls:
    """`context` for the listener. ConfigError when certificate or key cannot be used.

    A key that others may read is refused; systemd's credentials, which a service cannot change, are not.
    """

    def __init__(self, cert: Path, key: Path):
        self._cert = cert
        self._key = key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._seen = self._times()
        self._load()

    def _times(self) -> tuple[int, int]:
        try:
            return self._cert.stat().st_mtime_ns, self._key.stat().st_mtime_ns
        except OSError as fault:
            raise ConfigError(
                f"cannot read {fault.filename}: {fault.strerror}; see [http] cert and key"
            ) from fault

    def _load(self) -> None:
        credentials = os.environ.get("CREDENTIALS_DIRECTORY")
        is_lent = credentials is not None and self._key.is_relative_to(credentials)
        if self._key.stat().st_mode & 0o077 and not is_lent:
            raise ConfigError(f"{self._key} can be read by others; run: chmod 600 {self._key}")
        try:
            self.context.load_cert_chain(self._cert, self._key, password=_no_password)
        except (OSError, ValueError) as fault:
            raise ConfigError(
                f"{self._cert} and {self._key} are no certificate with its key: {fault}"
            ) from fault

    def turn(self) -> None:
        """Take a renewed certificate; one that is not whole yet is looked at again next time."""
        try:
            times = self._times()
            if times != self._seen:
                self._load()
                self._seen = times
                log.info("the certificate of the HTTP port is renewed")
        except (ConfigError, OSError) as fault:
            log.warning("the renewed certificate is not taken: %s", fault)


def _no_password() -> str:
    # Else OpenSSL would ask for it on a terminal, and wait there.
    raise ValueError("the key has a password; give one without")
