"""Slugs: names as they stand in addresses."""

import re
import unicodedata
from collections.abc import Collection

SLUG_LENGTH = 63

_NOT_SLUG = re.compile(r"[^a-z0-9]+")


def slug_from(name: str, otherwise: str = "") -> str:
    """A name as a slug; `otherwise` where nothing of it can stand in one."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return _NOT_SLUG.sub("-", plain).strip("-")[:SLUG_LENGTH].strip("-") or otherwise


def free_slug(slug: str, taken: Collection[str]) -> str:
    """The slug, with the first number behind it that makes it free."""
    candidate, number = slug, 1
    while candidate in taken:
        number += 1
        ending = f"-{number}"
        candidate = f"{slug[: SLUG_LENGTH - len(ending)].rstrip('-')}{ending}"
    return candidate
