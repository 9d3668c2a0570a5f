"""Models over HTTP: which there are, whether one answers, and what Ollama has."""

from typing import Annotated

from fastapi import APIRouter, Query

from folkmoot.http.deps import Db, Models
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.llm.faults import ModelFault, ModelTimeout, NoEmbeddings, UnknownModel
from folkmoot.providers.catalogue import OllamaUnreachable
from folkmoot.providers.deps import Catalogue
from folkmoot.providers.first_call import call_once
from folkmoot.providers.listing import model_page, ollama_models
from folkmoot.providers.model_schemas import ModelPage, ModelTestView, NewModelTest, OllamaModels
from folkmoot.workspaces.deps import Here

router = APIRouter(prefix="/api", tags=["language models"])


@router.get("/models")
async def list_models(
    catalogue: Catalogue,
    here: Here,
    paging: Paging,
    provider: Annotated[str | None, Query(max_length=64)] = None,
    ability: Annotated[str | None, Query(max_length=64, description="e.g. chat, tools, embeddings")] = None,
) -> ModelPage:
    """Every model of every configured provider; one that does not answer is listed without models, and why."""
    return await model_page(catalogue, here, paging, provider=provider, ability=ability)


@router.post("/models/test", responses=problems(UnknownModel, NoEmbeddings))
async def try_model(db: Db, models: Models, here: Here, new: NewModelTest) -> ModelTestView:
    """Make one call and tell how long it took, or why there is no answer; it is metered like any other."""
    return await call_once(db, models, here, new)


@router.get("/ollama/models", responses=problems(ModelFault, OllamaUnreachable, ModelTimeout))
async def list_ollama_models(catalogue: Catalogue, here: Here) -> OllamaModels:
    """The models that Ollama has at OLLAMA_HOST."""
    return ollama_models(await catalogue.ollama(here))
