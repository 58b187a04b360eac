"""CRC-32C (Castagnoli, RFC 3720 appendix B.4), and the masked form that LevelDB tables and TFRecords hold.

In Python, because what is checked here is short (the index of a bundle, the length of a record) and a package with
compiled code would be one more to install.
"""

from __future__ import annotations

_POLYNOMIAL = 0x82F63B78  # 0x1EDC6F41, bits reversed
_MASK_DELTA = 0xA282EAD8  # leveldb/util/crc32c.h


def _entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = tuple(map(_entry, range(256)))


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of bytes, at some 15 MB/s."""
    table, value = _TABLE, 0xFFFFFFFF
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def masked_crc32c(data: bytes) -> int:
    """Return the CRC-32C, rotated and shifted: the CRC of data that holds CRCs would be too regular."""
    value = crc32c(data)
    return ((value >> 15 | value << 17) + _MASK_DELTA) & 0xFFFFFFFF
