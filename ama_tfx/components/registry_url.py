"""The URL of a registry as a parameter of components."""

from pathlib import Path

from ama_tfx.errors import InvalidInputError
from ama_tfx.registry import Location


def without_secret(registry: str | Path | None) -> str | None:
    """Return a registry's URL, which TFX records, after checking that it says no more than where the registry is.

    Raises:
        InvalidInputError: It is no registry's URL, or holds a password.
    """
    if registry is None:
        return None
    url = str(registry)
    location = Location.parse(url)
    if location.database is not None and location.database.password is not None:
        raise InvalidInputError(
            f"registry {str(location)!r} holds a password, which TFX would record; "
            "leave it out and set PGPASSWORD, or use ~/.pgpass"
        )
    return url
