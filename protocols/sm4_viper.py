"""SM4's rounds as machine code: the twin of `_encrypt_block` in protocols/sm4.py, for boards.

Never imported on CPython. A viper int is a machine word: 32 bits and signed on a board, 64 on the
unix port where the tests run. So that what is tested there also holds on a board, the words stay in
halves of 16 bits here too: nothing is rotated, no shift to the left goes beyond bit 15, no value is
ever negative, and the two word sizes cannot differ. The tables do the rotating.
No board has run this yet: it was run on the unix port with words of 64 and of 32 bits (i386), and
compiled for xtensawin and armv7emsp.
"""
# mypy: ignore-errors
# ruff: noqa: F821 - ptr8 and ptr16 are viper's own names

import micropython


@micropython.viper
def encrypt_blocks(
    keys: ptr16,
    high0: ptr16,
    low0: ptr16,
    high1: ptr16,
    low1: ptr16,
    src: ptr8,
    dst: ptr8,
    size: int,
):
    """Encrypt `size` bytes (n * 16, checked by the caller: nothing is checked here) from src to dst.

    `keys` 64 halves of round keys, `high0` .. `low1` 256 halves each; `dst` may be `src`.
    """
    at = 0
    while at < size:
        ha = src[at] << 8 | src[at + 1]
        la = src[at + 2] << 8 | src[at + 3]
        hb = src[at + 4] << 8 | src[at + 5]
        lb = src[at + 6] << 8 | src[at + 7]
        hc = src[at + 8] << 8 | src[at + 9]
        lc = src[at + 10] << 8 | src[at + 11]
        hd = src[at + 12] << 8 | src[at + 13]
        ld = src[at + 14] << 8 | src[at + 15]
        k = 0
        while k < 64:
            hi = hb ^ hc ^ hd ^ keys[k]
            lo = lb ^ lc ^ ld ^ keys[k + 1]
            p = hi >> 8
            q = hi & 0xFF
            r = lo >> 8
            s = lo & 0xFF
            ha ^= high0[p] ^ high1[q] ^ low0[r] ^ low1[s]
            la ^= low0[p] ^ low1[q] ^ high0[r] ^ high1[s]
            hi = hc ^ hd ^ ha ^ keys[k + 2]
            lo = lc ^ ld ^ la ^ keys[k + 3]
            p = hi >> 8
            q = hi & 0xFF
            r = lo >> 8
            s = lo & 0xFF
            hb ^= high0[p] ^ high1[q] ^ low0[r] ^ low1[s]
            lb ^= low0[p] ^ low1[q] ^ high0[r] ^ high1[s]
            hi = hd ^ ha ^ hb ^ keys[k + 4]
            lo = ld ^ la ^ lb ^ keys[k + 5]
            p = hi >> 8
            q = hi & 0xFF
            r = lo >> 8
            s = lo & 0xFF
            hc ^= high0[p] ^ high1[q] ^ low0[r] ^ low1[s]
            lc ^= low0[p] ^ low1[q] ^ high0[r] ^ high1[s]
            hi = ha ^ hb ^ hc ^ keys[k + 6]
            lo = la ^ lb ^ lc ^ keys[k + 7]
            p = hi >> 8
            q = hi & 0xFF
            r = lo >> 8
            s = lo & 0xFF
            hd ^= high0[p] ^ high1[q] ^ low0[r] ^ low1[s]
            ld ^= low0[p] ^ low1[q] ^ high0[r] ^ high1[s]
            k += 8
        dst[at] = hd >> 8
        dst[at + 1] = hd & 0xFF
        dst[at + 2] = ld >> 8
        dst[at + 3] = ld & 0xFF
        dst[at + 4] = hc >> 8
        dst[at + 5] = hc & 0xFF
        dst[at + 6] = lc >> 8
        dst[at + 7] = lc & 0xFF
        dst[at + 8] = hb >> 8
        dst[at + 9] = hb & 0xFF
        dst[at + 10] = lb >> 8
        dst[at + 11] = lb & 0xFF
        dst[at + 12] = ha >> 8
        dst[at + 13] = ha & 0xFF
        dst[at + 14] = la >> 8
        dst[at + 15] = la & 0xFF
        at += 16
