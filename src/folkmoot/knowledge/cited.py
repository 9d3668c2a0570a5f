"""What an answer cites, looked up in the unit that keeps it: which passages those are, and which ids are none."""

from folkmoot.db.tx import Tx
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.citing import Citation, citations
from folkmoot.knowledge.queries import FoundPassage, Within, passages_of_ids

MOST_CITED = 32
"""Different ids of one answer that are looked up, so that an event still has room for what is found."""


def cited(tx: Tx, scope: Scope, text: str, room_id: str | None = None) -> JsonObject:
    """`citations` and `unknown_citations` of a text, in its order; neither where it cites nothing.

    A citation is of a passage that is there now, of the workspace or of the room that alone hears the text. The text
    itself stays as it is.
    """
    ids = citations(text)[:MOST_CITED]
    if not ids:
        return {}
    there = passages_of_ids(tx, scope, ids, Within(room_id=room_id))
    known: list[Json] = [_citation(there[id]).model_dump(mode="json") for id in ids if id in there]
    unknown: list[Json] = [id for id in ids if id not in there]
    return {"citations": known, "unknown_citations": unknown}


def _citation(passage: FoundPassage) -> Citation:
    return Citation(
        passage_id=passage.id,
        document_id=passage.document_id,
        title=passage.title,
        start=passage.start,
        end=passage.end,
    )
