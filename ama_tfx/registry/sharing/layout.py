"""Where everything lies in a bundle's file: a tar of which every byte follows from the index and the manifests.

So a reader does not interpret members, it compares: whatever is not exactly what a writer would have put there is
refused, whether it is a link, a device, a name that leads elsewhere, a second member of one name or a flipped bit.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ama_tfx.errors import IntegrityError
from ama_tfx.storage import Digest, open_regular_file, os_errors

INDEX = "index.json"
SUMS = "SHA256SUMS"
MOST_INDEX_BYTES = 8 << 20
"""Some 20,000 versions that say little of themselves; reading so many bytes takes up to 250 MB of memory."""
BLOCK_BYTES = 512
END = bytes(2 * BLOCK_BYTES)
"""Two empty blocks end a tar."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a bundle.

    Attributes:
        name: Its path in the tar.
        size_bytes: Of its content.
        offset: Of its header; its content begins a block later.
    """

    name: str
    size_bytes: int
    offset: int

    @property
    def start(self) -> int:
        """Where its content begins."""
        return self.offset + BLOCK_BYTES

    @property
    def end(self) -> int:
        """Where the next header begins."""
        return self.start + self.size_bytes + padding_after(self.size_bytes)


def manifest_name(digest: Digest) -> str:
    """Return the path of a version's manifest."""
    return f"manifests/sha256/{digest.hex}"


def blob_name(digest: Digest) -> str:
    """Return the path of a file's bytes."""
    return f"blobs/sha256/{digest.hex}"


def header(name: str, size_bytes: int) -> bytes:
    """Return the only header that a member of this name and size may have: GNU tar's, of no owner and no time."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size_bytes, 0o644, 0
    return info.tobuf(tarfile.GNU_FORMAT, "ascii", "strict")


def padding_after(size_bytes: int) -> int:
    """Return how many zero bytes fill a member's last block."""
    return -size_bytes % BLOCK_BYTES


def laid_out(members: Iterable[tuple[str, int]], offset: int) -> Iterator[Member]:
    """Yield members of these names and sizes one behind the other."""
    for name, size_bytes in members:
        member = Member(name, size_bytes, offset)
        yield member
        offset = member.end


def sums_of(digests: Iterable[tuple[str, Digest]]) -> bytes:
    """Return the content of the last member: what ``sha256sum --check`` reads."""
    return "".join(f"{digest.hex}  {name}\n" for name, digest in digests).encode()


def first_size(head: bytes, most: int) -> int:
    """Return the size of the index from the first header.

    Raises:
        IntegrityError: No bundle begins like this, or the index is larger than it may be.
    """
    try:
        info = tarfile.TarInfo.frombuf(head, "ascii", "strict")
    except (tarfile.HeaderError, UnicodeError, ValueError) as error:
        raise IntegrityError(f"not a bundle: it does not begin with the header of {INDEX!r}") from error
    if not 0 <= info.size <= most:
        raise IntegrityError(f"not a bundle: its first member has {info.size} bytes; an index has at most {most}")
    if head != header(INDEX, info.size):
        raise IntegrityError(f"not a bundle: its first member is {shown(head)}, not {INDEX!r} as `ama` writes it")
    return info.size


def is_bundle(path: Path) -> bool:
    """Return whether a file begins as a bundle does: with an index that says that it is one."""
    with open_regular_file(path, follow=True) as stream, os_errors("read", path):
        head = stream.read(BLOCK_BYTES)
        try:
            index = stream.read(first_size(head, MOST_INDEX_BYTES))
        except IntegrityError:
            return False
    return b'"format":"ama-bundle/' in index


def check_header(stream: BinaryIO, member: Member) -> None:
    """Compare the header in a file with the one that has to be there.

    Raises:
        IntegrityError: Another one is there; the message says what it claims to be.
    """
    stream.seek(member.offset)
    found = stream.read(BLOCK_BYTES)
    if found != header(member.name, member.size_bytes):
        raise IntegrityError(
            f"the bundle is damaged at byte {member.offset}: there is {shown(found)}, "
            f"its index asks for {member.name!r} of {member.size_bytes} bytes"
        )


def check_padding(stream: BinaryIO, member: Member) -> None:
    """Make sure that nothing is hidden behind a member's content.

    Raises:
        IntegrityError: Something is.
    """
    stream.seek(member.start + member.size_bytes)
    if any(stream.read(padding_after(member.size_bytes))):
        raise IntegrityError(f"the bundle is damaged: there are bytes behind member {member.name!r}")


def shown(head: bytes) -> str:
    """Return in words what a header claims to be."""
    try:
        info = tarfile.TarInfo.frombuf(head, "utf-8", "backslashreplace")
    except (tarfile.HeaderError, ValueError):
        return "no header"
    kinds = {
        tarfile.SYMTYPE: "a symbolic link",
        tarfile.LNKTYPE: "a hard link",
        tarfile.CHRTYPE: "a device",
        tarfile.BLKTYPE: "a device",
        tarfile.FIFOTYPE: "a fifo",
        tarfile.DIRTYPE: "a folder",
    }
    return f"{kinds.get(info.type, 'a file')} {info.name[:100]!r} of {info.size} bytes"
