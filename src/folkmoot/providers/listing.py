"""The catalogue as it is shown: models of all providers in one list."""

from collections.abc import Sequence

from folkmoot.http.paging import Window
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.llm.catalogue import ListedModel
from folkmoot.llm.gateway import Request
from folkmoot.providers.catalogue import ModelCatalogue, ProviderState
from folkmoot.providers.first_call import fault_view
from folkmoot.providers.model_schemas import ModelPage, ModelView, OllamaModels, OllamaModelView, ProviderView


async def model_page(
    catalogue: ModelCatalogue, scope: Scope, window: Window, *, provider: str | None = None, ability: str | None = None
) -> ModelPage:
    """Providers in the order in which a default is looked for, the models of each in its own."""
    states = await catalogue.look(scope)
    (default,) = await catalogue.gateway.names_for(Request(workspace_id=scope.workspace_id, messages=()))
    embedding = catalogue.gateway.embedding_model
    found = [
        _model(state.name, model, default, embedding)
        for state in states
        if provider in (None, state.name)
        for model in state.models
        if ability is None or ability in model.abilities
    ]
    return ModelPage(
        models=found[window.skip : window.skip + window.limit],
        total=len(found),
        skip=window.skip,
        limit=window.limit,
        providers=[_provider(state) for state in states],
        default_model=default,
        embedding_model=embedding,
    )


def ollama_models(models: Sequence[ListedModel]) -> OllamaModels:
    return OllamaModels(models=[_of_ollama(model.name, model.details) for model in models])


def _model(provider: str, model: ListedModel, default: str, embedding: str | None) -> ModelView:
    name = f"{provider}:{model.name}"
    return ModelView(
        name=name,
        provider=provider,
        abilities=list(model.abilities),
        context_tokens=model.context_tokens,
        output_tokens=model.output_tokens,
        is_default=name == default,
        is_embedding_default=name == embedding,
        details=model.details,
    )


def _provider(state: ProviderState) -> ProviderView:
    return ProviderView(
        name=state.name,
        status="ok" if state.fault is None else "failed",
        error=None if state.fault is None else fault_view(state.fault),
        models=len(state.models),
        latency_seconds=state.latency,
        has_own_key=state.has_own_key,
        asked_at=state.asked_at,
    )


def _of_ollama(name: str, told: JsonObject) -> OllamaModelView:
    size, at, details = told.get("size"), told.get("modified_at"), told.get("details")
    return OllamaModelView(
        name=name,
        size=size if isinstance(size, int) else None,
        modified_at=at if isinstance(at, str) else None,
        details=details if isinstance(details, dict) else {},
    )
