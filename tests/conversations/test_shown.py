"""What the event of a message shows is what the message's own view shows."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from folkmoot.conversations.queries import MESSAGE_COLUMNS
from folkmoot.conversations.service import message_view, shown
from folkmoot.conversations.tables import Message

AT = datetime(2026, 11, 22, 5, 30, 1, 250_000, UTC)
CITATION = {"passage_id": "p1", "document_id": "d1", "title": "Crashes", "start": 0, "end": 5}
QUESTION: dict[str, object] = {"author_kind": "user", "author_id": "ann", "direction": "inbound", "text": "Why?"}
REPLY: dict[str, object] = {
    "author_kind": "agent",
    "author_id": "a1",
    "direction": "outbound",
    "text": "So [p1].",
    "reply_to": "m1",
}
CASES: dict[str, dict[str, object]] = {
    "a question": QUESTION,
    "a reply": {**REPLY, "models": ["stub-1"]},
    "one with an output": {**REPLY, "payload": {"output": {"answer": 4}}},
    "one that cites": {**REPLY, "payload": {"citations": [CITATION], "unknown_citations": ["p9"]}},
    "one that does both": {**REPLY, "payload": {"output": 4, "citations": [CITATION]}},
    "a post that has to be acknowledged": {**QUESTION, "payload": {"citations": "its own"}, "ack_until": AT},
}


@pytest.mark.parametrize("said", CASES.values(), ids=CASES)
def test_an_event_shows_a_message_as_its_view_does(said: dict[str, object]) -> None:
    row: dict[str, object] = {**dict.fromkeys(MESSAGE_COLUMNS.keys()), "models": [], "created_at": AT, "updated_at": AT}
    row |= {"id": "m2", "conversation_id": "c1", "seq": 2, "agent_id": "a1", **said}
    view = message_view(cast(Message, SimpleNamespace(**row)))
    assert shown(row) == view.model_dump(mode="json")
