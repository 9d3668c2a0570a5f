"""How Creator answers: from passages that it is shown with their ids, with citations that are checked."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.agents.calls import form
from folkmoot.agents.manners import Manner, Moment, instructed
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.knowledge.citing import as_data, check_citations, citations
from folkmoot.knowledge.queries import FoundPassage, Within
from folkmoot.knowledge.search import Search
from folkmoot.llm.messages import Message, User
from folkmoot.runs.journal import Outcome

PASSAGES = 8
_QUESTION_CHARACTERS = 2000
_HOW = (
    "Answer with topic, sources (the titles of the documents you relied on), summary (your whole answer in Markdown; "
    "behind each statement that rests on a passage stands its id in square brackets) and citations (the ids of the "
    "passages you cited). Cite only ids that you were shown."
)


class Research(BaseModel):
    """What Creator answers."""

    model_config = ConfigDict(extra="ignore")

    topic: Annotated[str, Field(min_length=1, max_length=500)]
    sources: Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=50)] = []
    summary: Annotated[str, Field(min_length=1, max_length=60_000)]
    citations: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=100)] = []


def researching(search: Search) -> Manner:
    """The manner of Creator: what is asked is looked up first, and the answer may cite that alone."""

    async def prepare(moment: Moment) -> Moment:
        within = Within(document_ids=moment.context.document_ids)
        question = moment.question[:_QUESTION_CHARACTERS]
        found = (await search.find(moment.context.scope, question, PASSAGES, within)).passages
        ids = {passage.id for passage in found}
        asking = replace(
            moment.asking,
            messages=instructed(_shown(moment.asking.messages, found), _HOW),
            output=form(Research, _checked_once(ids)),
            is_streamed=False,
            is_cacheable=False,
        )
        return replace(moment, asking=asking, told=lambda outcome: _told(outcome, found))

    return prepare


def _shown(messages: Sequence[Message], found: Sequence[FoundPassage]) -> tuple[Message, ...]:
    """With the passages beneath the question, which is the last thing that was said."""
    last = max(index for index, message in enumerate(messages) if isinstance(message, User))
    question = messages[last]
    assert isinstance(question, User), "it was looked for"
    material = as_data(found) if found else "None was found: say that nothing here speaks of it."
    shown = User(f"{question.text}\n\n## Passages\n{material}")
    return (*messages[:last], shown, *messages[last + 1 :])


def _checked_once(ids: Collection[str]) -> Callable[[Research], None]:
    """A citation of something that was not retrieved is sent back once; after that it is left out."""
    tries = 0

    def check(research: Research) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            check_citations(" ".join((research.summary, *(f"[{id}]" for id in research.citations))), ids)
            if unknown := [id for id in research.citations if id.lower() not in ids]:
                raise ValueError(f"citations: {', '.join(unknown[:8])} were not retrieved, cite others or none")

    return check


def _told(outcome: Outcome, found: Sequence[FoundPassage]) -> Outcome:
    """The answer as it is kept: the summary is its text, and what it cites was retrieved."""
    value = outcome.value
    if value is None or not isinstance(value.get("output"), dict):
        return outcome
    research = Research.model_validate(value["output"])
    by_id = {passage.id: passage for passage in found}
    summary = research.summary
    for id in citations(summary):
        if id not in by_id:
            summary = _without(summary, id)
    named = (*citations(summary), *(id.lower() for id in research.citations))
    cited = [id for id in dict.fromkeys(named) if id in by_id]
    kept: list[Json] = [*cited]
    sources: list[Json] = [*dict.fromkeys(by_id[id].title for id in cited)]
    output: JsonObject = {"topic": research.topic, "sources": sources, "summary": summary, "citations": kept}
    listed = [f"- {by_id[id].title} [{id}]" for id in cited]
    text = "\n".join((summary, "", "Sources:", *listed)) if listed else summary
    return replace(outcome, value={**value, "text": text, "output": output})


def _without(text: str, id: str) -> str:
    """The text without one citation, however it is written."""
    return text.replace(f" [{id}]", "").replace(f"[{id}]", "").replace(id, "")
