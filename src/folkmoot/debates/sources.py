"""What tools have brought that can be cited: passages by their ids, any other result by the one it is given. Pure."""

from dataclasses import replace

from folkmoot.kernel.json import Json, JsonObject, loads
from folkmoot.runs.journal import Outcome, Use

KEPT_CHARACTERS = 2_000
"""Of what one piece of evidence says."""


def with_evidence(use: Use, outcome: Outcome) -> Outcome:
    """The outcome with what is evidence in it; a result without ids of its own is told its id to the model."""
    value = outcome.value
    text = value.get("text") if value is not None else None
    if value is None or value.get("is_error") is True or not isinstance(text, str) or not text:
        return outcome
    passages = _passages(use, text)
    if passages:
        return replace(outcome, value={**value, "evidence": passages})
    found: JsonObject = {"id": use.key, "tool": use.tool, "title": use.tool, "text": text[:KEPT_CHARACTERS]}
    return replace(outcome, value={**value, "text": f"[{use.key}] {text}", "evidence": [found]})


def _passages(use: Use, text: str) -> list[Json]:
    try:
        answered = loads(text)
    except ValueError:
        return []
    listed = answered.get("passages") if isinstance(answered, dict) else None
    found: list[Json] = []
    for passage in listed if isinstance(listed, list) else ():
        match passage:
            case {"id": str(id), "text": str(said), **more}:
                title = str(more.get("title") or use.tool)
                found.append({"id": id, "tool": use.tool, "title": title, "text": said[:KEPT_CHARACTERS]})
            case _:
                pass
    return found
