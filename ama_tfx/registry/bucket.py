"""The blobs of a registry in a bucket: whose they are, and opening them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ama_tfx import storage
from ama_tfx.errors import BackendError, FormatError, InvalidInputError, NotFoundError
from ama_tfx.storage import canonical_json, parse_json

if TYPE_CHECKING:
    from ama_tfx.storage import ObjectStore, PackStore

FORMAT = "ama-registry/1"
MARKER = "registry.json"
"""In a bucket the first thing that is written: who puts it first owns the place."""


def parse_bucket(text: str) -> str:
    """Return the address of a bucket in its one form.

    Raises:
        InvalidInputError: It is none; the text is not shown where it may hold a secret.
    """
    return storage.check_address(text)


def new_identity() -> str:
    """Return an identity for a registry that is being made."""
    import uuid  # takes 5 ms, for it asks which platform this is

    return str(uuid.uuid4())


def marker(registry_id: str, blobs: str | None = None) -> bytes:
    """Return the document that says which registry something is of, and where its blobs are if not beside it."""
    document = {"format": FORMAT, "id": registry_id} | ({"blobs": blobs} if blobs else {})
    return canonical_json(document) + b"\n"


def parse_marker(content: bytes, path: str, registry: str) -> tuple[str, str | None]:
    """Return the identity that a marker tells, and where the blobs are if not beside it.

    Raises:
        FormatError: It is none, or of another release.
    """
    try:
        document = parse_json(content, path)
        found, registry_id, blobs = str(document["format"]), str(document["id"]), document.get("blobs")
    except (InvalidInputError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{path!r} is not the marker of a registry; restore it from a backup") from error
    if found != FORMAT:
        raise FormatError(
            f"registry {registry!r} has format {found!r}, this release of ama-tfx reads {FORMAT!r}; "
            "use the release that wrote it"
        )
    return registry_id, None if blobs is None else parse_bucket(str(blobs))


def open_blobs(bucket: str, registry_id: str) -> PackStore:
    """Return the blobs in a bucket; it is asked for nothing, not even whose it is, before a blob is asked for.

    So a list of versions needs neither the network nor the client.
    """

    def objects() -> ObjectStore:
        try:
            found = read_id(storage.open_objects(bucket), bucket)
        except NotFoundError as error:  # whose blobs are all lost, or elsewhere: no question of one blob
            raise BackendError(f"{error}; name the bucket that belongs to the catalog, or restore it") from error
        if found != registry_id:
            raise _of_another(bucket, found, registry_id)
        return storage.open_objects(f"{bucket}/blobs")

    return storage.open_packs(objects, f"{registry_id} {bucket}")


def read_id(objects: ObjectStore, bucket: str) -> str:
    """Return which registry's blobs are in a bucket.

    Raises:
        NotFoundError: No registry's.
        FormatError: It does not say.
    """
    try:
        content = objects.read(MARKER)
    except NotFoundError:
        raise NotFoundError(f"no blobs of a registry in {bucket}: it has no {MARKER}") from None
    return parse_marker(content, f"{bucket}/{MARKER}", bucket)[0]


def claim(bucket: str, registry_id: str | None = None) -> str:
    """Make a bucket a registry's, if it is nobody's yet; return whose it is.

    Args:
        bucket: Its address.
        registry_id: The registry's; a new one where the bucket is what decides.

    Raises:
        BackendError: It is another registry's.
    """
    objects = storage.open_objects(bucket)
    objects.put(MARKER, marker(registry_id or new_identity()))
    found = read_id(objects, bucket)
    if registry_id is not None and found != registry_id:
        raise _of_another(bucket, found, registry_id)
    return found


def identify(bucket: str, *, check: Callable[[], str], make: Callable[[str], object], create: bool, name: str) -> str:
    """Return the identity of a registry whose catalog is in a database and whose blobs are in a bucket.

    Args:
        bucket: Its address.
        check: Returns the identity that the catalog has.
        make: Makes the catalog of an identity, unless there is one.
        create: Whether to make what is missing.
        name: What messages call the catalog.

    Raises:
        NotFoundError: There is no catalog, and none is to be made.
        BackendError: It is lost, or of another registry than the bucket.
    """
    try:
        return check()
    except NotFoundError:
        if not create:
            raise
    registry_id = claim(bucket)
    if any(True for _ in storage.open_objects(f"{bucket}/blobs").list("packs/")):
        raise BackendError(
            f"{bucket} holds the blobs of registry {registry_id}, whose catalog is not in {name}; "
            "name the database that has it, or restore it from a backup"
        )
    make(registry_id)
    if (found := check()) != registry_id:  # somebody else made it meanwhile, for another bucket
        raise _of_another(bucket, registry_id, found)
    return registry_id


def _of_another(bucket: str, found: str, wanted: str) -> BackendError:
    return BackendError(
        f"{bucket} holds the blobs of registry {found}, the catalog is of {wanted}; name the bucket that belongs to it"
    )
