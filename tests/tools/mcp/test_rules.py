"""What of a server's words is taken over."""

from hypothesis import given
from hypothesis import strategies as st

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.tools.mcp.rules import changes, definitions_of, digest, text_of, tool_name, unchanged

TOOL: JsonObject = {"name": "a", "description": "A", "inputSchema": {"$schema": "x", "type": "object"}}


@given(st.text(min_size=1, max_size=150), st.text(min_size=1, max_size=150))
def test_names_are_such_as_language_models_take(one: str, other: str) -> None:
    name = tool_name("server", one)
    assert 0 < len(name) <= 64
    assert name.replace("_", "a").replace("-", "a").isalnum()
    assert name.isascii()
    assert (name == tool_name("server", other)) == (one == other)


def test_a_plain_name_stays() -> None:
    assert tool_name("files", "read-file_2") == "files__read-file_2"


def test_definitions() -> None:
    listed: list[Json] = [TOOL, {"name": "b"}, "c", None, {**TOOL, "name": ""}, {**TOOL, "name": "d\x00"}]
    found = definitions_of(listed)
    assert [one["name"] for one in found] == ["a", "d"]
    assert found[0] == {"name": "a", "description": "A", "parameters": {"type": "object"}}
    assert digest(found) == digest(definitions_of([*reversed(listed)]))
    assert digest(found) != digest(definitions_of([{**TOOL, "description": "B"}]))


def test_consent_is_to_the_words() -> None:
    one, other = definitions_of([TOOL]), definitions_of([{**TOOL, "description": "B"}])
    assert unchanged(one, None) == one
    assert unchanged(one, other) == []
    assert changes(one, other) == other
    assert changes(one, one) == []


def test_what_is_no_text_is_described() -> None:
    content: list[Json] = [
        {"type": "text", "text": "Hello"},
        {"type": "audio", "mimeType": "audio/wav", "data": "AAAA"},
        {"type": "resource", "resource": {"uri": "a://1", "text": "One"}},
        {"type": "resource", "resource": {"uri": "a://2", "mimeType": "image/png", "blob": "AAAA"}},
        {"type": "resource", "resource": {"uri": "a://3"}},
        {"type": "resource_link", "uri": "a://4", "name": "Four"},
        {"type": "dance"},
        "nothing",
    ]
    assert text_of({"content": content}).splitlines() == [
        "Hello",
        "[audio, audio/wav, 3 bytes: not shown]",
        "[resource a://1]",
        "One",
        "[resource a://2, image/png, 3 bytes: not shown]",
        "[resource a://3: not shown]",
        "[resource a://4: Four]",
        "[dance: not shown]",
    ]
    assert text_of({"content": [], "structuredContent": {"a": 1}}) == '{"a":1}'
    assert text_of({}) == ""
