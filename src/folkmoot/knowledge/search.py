"""The search: by text, and where a model for embeddings is configured also by meaning, both rankings made one."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Unavailable
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.queries import EVERYTHING, FoundPassage, Within, passages_of_ids
from folkmoot.knowledge.rules import Mode, fused
from folkmoot.knowledge.text_search import search_passages
from folkmoot.knowledge.vectors import can_search, nearest
from folkmoot.llm.embeddings import Embedder, EmbedRequest, Vector
from folkmoot.llm.faults import ModelFault, NoEmbeddings, UnknownModel
from folkmoot.usage.service import Spender, record

DEPTH = 50
"""How much of each ranking is fused."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """Best first. `note` says why the search was by text only, where another was possible."""

    passages: list[FoundPassage]
    mode: Mode = "text"
    note: str | None = None


class Search:
    """Finds passages for questions, with vectors where those can be made."""

    def __init__(self, db: Database, embedder: Embedder | None = None) -> None:
        self._db = db
        self._embedder = embedder

    def embedding_model(self, tx: Tx) -> str | None:
        """A unit: whose vectors are made and searched; None where that cannot be done."""
        model = None if self._embedder is None else self._embedder.embedding_model
        return model if model is not None and can_search(tx) else None

    async def find(
        self, scope: Scope, question: str, limit: int, within: Within = EVERYTHING, mode: Mode | None = None
    ) -> Found:
        """By text and by meaning, unless `mode` is `text`; by text alone where the vectors cannot be had."""
        if mode == "text":
            return await self._by_text(scope, question, limit, within)
        vector, note = await self._vector(scope, question)
        if vector is None:
            return replace(await self._by_text(scope, question, limit, within), note=note)
        by_text = await self._db.read_long(search_passages, scope, question, DEPTH, within)
        model = None if self._embedder is None else self._embedder.embedding_model
        assert model is not None, "it has made a vector"
        by_meaning = await nearest(self._db, scope, vector, model, DEPTH, within)
        scores = [*fused(([row.id for row in by_text], by_meaning)).items()][:limit]
        rows = await self._db.read_long(passages_of_ids, scope, [id for id, _ in scores], within)
        return Found([_ranked(rows[id], score) for id, score in scores if id in rows], "hybrid")

    async def _by_text(self, scope: Scope, question: str, limit: int, within: Within) -> Found:
        return Found([*await self._db.read_long(search_passages, scope, question, limit, within)])

    async def _vector(self, scope: Scope, question: str) -> tuple[Vector | None, str | None]:
        """The question's vector, or why there is none: a search does not fail because a provider does."""
        if self._embedder is None or self._embedder.embedding_model is None:
            return None, "No model for embeddings is configured (EMBEDDING_MODEL)"
        if not await self._db.read(can_search):
            return None, "Searching by meaning is not installed: pip install 'folkmoot[vectors]'"
        request = EmbedRequest(texts=(question,), purpose="query", workspace_id=scope.workspace_id)
        try:
            embedded = await self._embedder.embed(request)
        except (ModelFault, NoEmbeddings, UnknownModel) as fault:
            _log.warning("a search was made by text only: %s", fault.detail)
            return None, f"The model for embeddings did not answer: {fault.detail}"
        spender = Spender(workspace_id=scope.workspace_id, project_id=scope.project_id, kind="embedding")
        try:
            await self._db.write(record, spender, embedded.usage)
        except Unavailable as problem:
            _log.warning("the usage of a search could not be stored: %s", problem.detail)
        return embedded.vectors[0], None


def _ranked(row: FoundPassage, score: float) -> FoundPassage:
    """With its score in this search."""
    return FoundPassage(row.id, row.document_id, row.title, row.text, score, row.start, row.end)
