"""Safe, bounded text and JSON for wire schemas: nothing that a database, a log or a browser could choke on."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from folkmoot.kernel.json import JsonObject, dumps

_UNSAFE = re.compile("[\x00\ud800-\udfff]")
METADATA_BYTES = 16_384


def _safe(value: str) -> str:
    if _UNSAFE.search(value):
        raise ValueError("contains NUL or a lone surrogate")
    return value


def _not_blank(value: str) -> str:
    if value and not value.strip():
        raise ValueError("is blank")
    return value


def _small(value: JsonObject) -> JsonObject:
    if len(dumps(value)) > METADATA_BYTES:
        raise ValueError(f"is larger than {METADATA_BYTES} bytes of JSON")
    return value


# Bounds come first, so that what is wrong with them is said in characters.
# Compose with a tighter bound where there is one: Annotated[Text, Field(max_length=500)].
Safe = Annotated[str, AfterValidator(_safe)]
Line = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_safe), AfterValidator(_not_blank)]
Text = Annotated[str, Field(min_length=1, max_length=100_000), AfterValidator(_safe), AfterValidator(_not_blank)]
LongText = Annotated[str, Field(min_length=1, max_length=1_500_000), AfterValidator(_safe), AfterValidator(_not_blank)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Metadata = Annotated[JsonObject, AfterValidator(_small)]
