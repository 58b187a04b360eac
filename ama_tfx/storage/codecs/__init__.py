"""Codecs of pieces: bytes in, fewer bytes out, and back bit for bit.

Pure functions: no I/O, safe to call from many threads, the GIL released where the time goes. One piece becomes one
payload, and the id of its codec, which is kept beside the payload:

======== ==== =======================================================================================================
codec    id   payload
======== ==== =======================================================================================================
RAW      0    The piece.
ZSTD     1    One zstd frame (RFC 8878) with its content size, without checksum, dictionary or anything after it.
PLANES   2    Byte planes, compressed each for itself: see `ama_tfx.storage.codecs.planes`.
DELTA    3    The same layout over the difference to one base: see `ama_tfx.storage.codecs.planes`.
MEAN     4    The difference to the mean of several bases: see `ama_tfx.storage.codecs.predictors`.
LOW_RANK 5    The difference to a base plus a product of two matrices: see `ama_tfx.storage.codecs.predictors`.
PATCH    6    One zstd frame that refers to the bytes of a base: see `ama_tfx.storage.codecs.patch`.
======== ==== =======================================================================================================

A payload needs to be told the size of its piece, and with DELTA, MEAN, LOW_RANK and PATCH the bases; nothing else.
Whether the piece is the one that was stored is for its digest to say: a codec only promises that what comes back has
the right size. The same input gives the same payload with the same release of zstd; any release reads every payload.
"""

from __future__ import annotations

from ama_tfx.storage.codecs.choice import decode, encode
from ama_tfx.storage.codecs.codec import Codec, Encoded

__all__ = ["Codec", "Encoded", "decode", "encode"]
