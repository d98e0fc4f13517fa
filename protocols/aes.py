"""AES-128 in ECB (FIPS 197): the block cipher below CCM, by whatever the interpreter already has.

ECB hides nothing by itself: nobody but a mode (protocols/ccm.py) may call it.
"""

from protocols.compat import MICROPYTHON

BLOCK_SIZE = 16
KEY_SIZE = 16

_board_aes = None
_openssl_aes = None
if MICROPYTHON:
    try:
        from cryptolib import aes as _board_aes  # type: ignore[import-not-found,no-redef]
    except ImportError:  # a build without TLS, such as the WebAssembly one
        pass
else:
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers import Cipher, modes
        from cryptography.hazmat.primitives.ciphers.aead import AESCCM
        from cryptography.hazmat.primitives.ciphers.algorithms import AES as _openssl_aes  # type: ignore[assignment] # noqa: N811
    except ImportError:  # an install without the gateway's extra
        pass

_MODE_ECB = 1  # cryptolib's number


class Aes:
    """AES with one 128-bit key.

    `key` (bytes-like, 16 B); another size raises ValueError. Which implementation runs: cryptolib's
    on a board, cryptography's on CPython, else our own slow one of protocols/aes_pure.py.
    Not to be shared between threads.
    """

    def __init__(self, key):
        if len(key) != KEY_SIZE:
            raise ValueError("an AES-128 key has 16 bytes")
        self._update = None
        self._encrypt = None
        self._key = b""
        if _board_aes is not None:
            self._encrypt = _board_aes(key, _MODE_ECB).encrypt
        elif _openssl_aes is not None:
            self._key = bytes(key)
            self._update = Cipher(_openssl_aes(self._key), modes.ECB()).encryptor().update  # noqa: S305
        else:
            from protocols.aes_pure import PureAes

            self._encrypt = PureAes(key).encrypt

    def encrypt(self, src, dst):
        """Encrypt `src` (bytes-like, n * 16 B) into `dst` (bytearray or memoryview, same size).

        `dst` may be `src`. Other sizes raise ValueError and leave `dst` alone.
        """
        if len(src) & 15 or len(dst) != len(src):
            raise ValueError("ECB takes whole blocks of 16 bytes, as many out as in")
        if self._update is not None:
            dst[:] = self._update(src)
        else:
            self._encrypt(src, dst)

    def ccm(self, tag_size: int):
        """Return cryptography's whole CCM (six times faster than ours over its blocks), or None."""
        if self._update is None:
            return None
        return _LibraryCcm(AESCCM(self._key, tag_size))


class _LibraryCcm:
    """cryptography's AES-CCM with the manners of protocols/ccm.py, which checks the sizes."""

    def __init__(self, library):
        self._seal = library.encrypt
        self._open = library.decrypt

    def seal(self, nonce, data, aad):
        return self._seal(nonce, data, aad)

    def open(self, nonce, sealed, aad):
        try:
            return self._open(nonce, sealed, aad)
        except InvalidTag:
            return None


__all__ = ["BLOCK_SIZE", "KEY_SIZE", "Aes"]
