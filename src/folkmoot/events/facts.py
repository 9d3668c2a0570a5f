"""The fact of every verb that has none of its own."""

from dataclasses import dataclass
from typing import Literal

from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import JsonObject


@dataclass(frozen=True, kw_only=True)
class ResourceChanged(Fact):
    """A resource was created, changed or deleted; `view` is how it looks now, null once deleted."""

    type = "resource_changed"

    resource: str
    id: str
    change: Literal["created", "updated", "deleted"]
    view: JsonObject | None
