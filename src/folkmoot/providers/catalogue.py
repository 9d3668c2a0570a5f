"""Which models can be asked here, provider by provider, remembered for a while; what is wrong with a provider too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic, perf_counter

from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import NotFound, Unavailable
from folkmoot.kernel.scope import Scope
from folkmoot.llm.catalogue import ListedModel
from folkmoot.llm.faults import ConnectTimeout, ModelFault, ModelNotFound, ModelTimeout, ModelUnreachable
from folkmoot.llm.gateway import Gateway, OwnKeys, key_for, keys_of

KNOWN_SECONDS = 60.0
"""How long a provider's list counts; of one that failed it is asked again sooner."""

FAILED_SECONDS = 10.0
PATIENCE_SECONDS = 10.0
"""How long a provider may take over its list."""

_ENTRIES = 256


class OllamaUnreachable(Unavailable):
    """Ollama cannot be reached"""

    hint = "Start Ollama, or set OLLAMA_HOST to where it listens"


class NoSuchOllamaModel(NotFound):
    """Model not found"""

    hint = "GET /api/ollama/models lists those that Ollama has; `ollama pull NAME` gets another"


@dataclass(frozen=True, slots=True)
class ProviderState:
    """What a provider said when it was asked last: its models, or why it did not answer. `latency` in seconds."""

    name: str
    models: tuple[ListedModel, ...]
    fault: ModelFault | None
    latency: float
    asked_at: datetime
    has_own_key: bool = False


class ModelCatalogue:
    """Of one process; a workspace that has keys of its own is told what its keys open."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._known: dict[tuple[str, str | None], tuple[float, ProviderState]] = {}

    async def look(self, scope: Scope) -> list[ProviderState]:
        """All that can be asked in the workspace, those that fail too."""
        keys = await keys_of(self.gateway.key_ring, scope.workspace_id)
        names = self.gateway.catalogue.providers(keys)
        return list(await asyncio.gather(*(self._state(name, keys, KNOWN_SECONDS) for name in names)))

    async def ollama(self, scope: Scope, known_seconds: float = 1.0) -> tuple[ListedModel, ...]:
        """Those that Ollama has by now. Raises OllamaUnreachable or another ModelFault."""
        keys = await keys_of(self.gateway.key_ring, scope.workspace_id)
        async with of_ollama():
            found = await self._state("ollama", keys, known_seconds)
            if found.fault is not None:
                raise found.fault
        return found.models

    async def _state(self, provider: str, keys: OwnKeys, known_seconds: float) -> ProviderState:
        """Two that ask at once may both ask the provider, which harms nobody."""
        place = (provider, keys.get(provider, ""))
        known = self._known.get(place)
        if known is not None:
            counts = known_seconds if known[1].fault is None else min(known_seconds, FAILED_SECONDS)
            if monotonic() - known[0] < counts:
                return known[1]
        state = await self._asked(provider, keys)
        if len(self._known) >= _ENTRIES:
            self._known.clear()
        self._known[place] = (monotonic(), state)
        return state

    async def _asked(self, provider: str, keys: OwnKeys) -> ProviderState:
        at, started = now(), perf_counter()
        models, fault = tuple[ListedModel, ...](), None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                models = await self.gateway.catalogue.listed(provider, key_for(f"{provider}:", keys))
        except ModelFault as failed:
            fault = failed
        except TimeoutError:
            fault = ModelTimeout(f"{provider} has not listed its models within {PATIENCE_SECONDS:g} s")
        latency = round(perf_counter() - started, 4)
        return ProviderState(provider, models, fault, latency, at, has_own_key=provider in keys)


@asynccontextmanager
async def of_ollama() -> AsyncIterator[None]:
    """What is asked of Ollama alone says what to do about Ollama. Raises OllamaUnreachable, NoSuchOllamaModel."""
    try:
        yield
    except (ModelUnreachable, ConnectTimeout) as fault:
        raise OllamaUnreachable(fault.detail) from fault
    except ModelNotFound as fault:
        raise NoSuchOllamaModel from fault
