"""Forms as the journal holds them: what a language model filled in, or why it did not."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from folkmoot.kernel.json import Json
from folkmoot.runs.journal import Entry

F = TypeVar("F", bound=BaseModel)

ABSTAINED = "abstained"
"""In the value of a call that should have been a form: why no readable one came of it."""


def form_in(entry: Entry, type_: type[F]) -> F | None:
    """The form in an entry; None where the answer was a fault or unreadable."""
    value = entry.data.get("value")
    return read(value.get("output"), type_) if isinstance(value, dict) else None


def read(output: Json, type_: type[F]) -> F | None:
    if output is None:
        return None
    try:
        return type_.model_validate(output)
    except ValidationError:
        return None
