"""Which models there are: asked of each configured provider, in its own words and in one form."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Literal, Protocol

from folkmoot.kernel.json import JsonObject
from folkmoot.llm.choice import configured
from folkmoot.llm.settings import LlmSettings

Ability = Literal["chat", "tools", "structured_output", "embeddings", "vision", "thinking"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedModel:
    """One model of a provider. `details` are what only some providers tell, such as size and family."""

    name: str
    abilities: tuple[Ability, ...]
    context_tokens: int | None = None
    output_tokens: int | None = None
    details: JsonObject = field(default_factory=dict)


PRACTICE_MODEL = ListedModel(name="practice", abilities=("chat", "tools", "structured_output"))


class Lister(Protocol):
    """Who can ask a provider which models it has."""

    async def listed(self, provider: str, key: str | None = None) -> tuple[ListedModel, ...]: ...


class Catalogue:
    """Of one gateway. Every call asks the provider anew, once; raises ModelFault."""

    def __init__(self, settings: LlmSettings, loaded: Callable[[], Awaitable[Lister]]) -> None:
        self._settings = settings
        self._loaded = loaded

    def providers(self, own: Collection[str] = ()) -> tuple[str, ...]:
        """Those that can be asked; `own` are those that the workspace has a key of its own for."""
        return configured(self._settings, own)

    async def listed(self, provider: str, key: str | None = None) -> tuple[ListedModel, ...]:
        """Asked with the workspace's own `key`, else with that of the settings. Raises UnknownModel, ModelFault."""
        return await (await self._loaded()).listed(provider, key)
