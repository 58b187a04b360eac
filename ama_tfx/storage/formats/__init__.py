"""Where the natural boundaries of a file are: of its tensors, of its records.

The store cuts files there, so that equal tensors are stored once and a tensor can be stored as its difference to the
same tensor of a parent version. Formats are parsed defensively, from bytes alone: nothing in a file is executed,
imported or followed to another file, and a file that does not parse is an ordinary file.
"""

from ama_tfx.storage.formats.boundaries import tensors
from ama_tfx.storage.formats.gzip_exact import (
    GzipRecipe,
    deflate,
    inflate,
    inflate_exactly,
    inflate_open,
    inflated_start,
    prove,
)
from ama_tfx.storage.formats.tensor import Tensor
from ama_tfx.storage.formats.tfrecord import RecordScanner, record_boundaries

__all__ = [
    "GzipRecipe",
    "RecordScanner",
    "Tensor",
    "deflate",
    "inflate",
    "inflate_exactly",
    "inflate_open",
    "inflated_start",
    "prove",
    "record_boundaries",
    "tensors",
]
