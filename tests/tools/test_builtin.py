"""search_knowledge answers passages an agent can cite, of the documents it was given and no others."""

from folkmoot.db.database import Database
from folkmoot.kernel.json import JsonObject, loads
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge import service
from folkmoot.knowledge.schemas import NewDocument, Passage
from folkmoot.tools.builtin import builtin_tools
from folkmoot.tools.registry import RESULT_BYTES, ToolContext, ToolRegistry

TOOLS = ToolRegistry(builtin_tools())


async def passages(context: ToolContext, query: str, limit: int = 5) -> list[Passage]:
    answer = await TOOLS.use(context, "search_knowledge", {"query": query, "limit": limit})
    assert answer["is_error"] is False
    assert len(str(answer["text"]).encode()) <= RESULT_BYTES
    value = loads(str(answer["text"]))
    assert isinstance(value, dict)
    assert isinstance(value["passages"], list)
    return [Passage.model_validate(passage) for passage in value["passages"]]


async def test_passages_can_be_cited(db: Database, scope: Scope) -> None:
    document, _ = await service.add_document(db, scope, NewDocument(title="Zoo", text="The zebra is striped."))
    context = ToolContext(scope=scope, db=db)
    (passage,) = await passages(context, "What does a zebra look like?")
    assert (passage.document_id, passage.title, passage.text) == (document.id, "Zoo", "The zebra is striped.")
    assert (passage.start, passage.end, len(passage.id)) == (0, 21, 36)


async def test_only_the_given_documents_are_searched(db: Database, scope: Scope) -> None:
    one, _ = await service.add_document(db, scope, NewDocument(title="1", text="One zebra."))
    await service.add_document(db, scope, NewDocument(title="2", text="Another zebra."))
    context = ToolContext(scope=scope, db=db, document_ids=(one.id,))
    assert [passage.document_id for passage in await passages(context, "zebra")] == [one.id]
    assert await passages(ToolContext(scope=scope, db=db, document_ids=()), "zebra") == []


async def test_an_answer_of_many_bytes_stays_whole(db: Database, scope: Scope) -> None:
    text = "Zebra 斑馬斑馬斑馬斑馬斑馬斑馬斑馬斑馬斑馬。" * 800
    await service.add_document(db, scope, NewDocument(title="Zoo", text=text))
    assert 3 <= len(await passages(ToolContext(scope=scope, db=db), "zebra", 20)) < 20


async def test_arguments_are_checked(db: Database, scope: Scope) -> None:
    wrong: list[JsonObject] = [{}, {"query": " "}, {"query": "a", "limit": 0}, {"query": "a", "limit": 1000}]
    for arguments in wrong:
        answer = await TOOLS.use(ToolContext(scope=scope, db=db), "search_knowledge", arguments)
        assert answer["is_error"] is True


def test_it_only_reads() -> None:
    tool = TOOLS.tool("search_knowledge")
    assert (tool.effect, tool.risk) == ("none", "read")
    assert TOOLS.schemas(["search_knowledge"])[0].parameters["required"] == ["query"]
