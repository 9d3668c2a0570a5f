"""A room in words: what was said, who is there, what agents do. Pure, of the API's JSON."""

from folkmoot.cli.screen import one_line, plain
from folkmoot.cli.text import objects, word
from folkmoot.kernel.json import JsonObject

_INDENT = "    "


def sender_of(message: JsonObject) -> str:
    """Who said it; what the room itself reports is marked by a star."""
    return "*" if message.get("sender_type") == "system" else f"{word(message.get('sender_name'))}:"


def text_of(message: JsonObject) -> str:
    """What was said, its later lines set in, the names of the files that go with it, and what it cites."""
    if message.get("deleted_at"):
        return "(deleted)"
    first, *others = plain(str(message.get("content"))).strip().split("\n")
    files = (f"[file {word(one.get('title'))}]" for one in objects(message.get("attachments")))
    cited = (f"[{word(one.get('passage_id'))}] {word(one.get('title'))}" for one in objects(message.get("citations")))
    lines = [first, *(f"{_INDENT}{line}".rstrip() for line in others), *(_INDENT + one for one in (*files, *cited))]
    return "\n".join(lines).lstrip()


def said(message: JsonObject) -> str:
    """`Ada: text`"""
    return f"{sender_of(message)} {text_of(message)}"


def log_line(message: JsonObject) -> str:
    """`7  2026-01-02 03:04  Ada: text`"""
    when = word(message.get("created_at"))[:16].replace("T", " ")
    return f"{word(message.get('seq'))}  {when}  {said(message)}"


def hit_line(hit: JsonObject) -> str:
    """`Harbour 7  2026-01-02 03:04  Ada: the part that was found`"""
    found = hit.get("message")
    message = found if isinstance(found, dict) else {}
    part: JsonObject = {**message, "content": word(hit.get("text")), "attachments": [], "citations": []}
    return f"{word(hit.get('room_name'))} {log_line(part)}"


def member_line(member: JsonObject, now: str = "") -> str:
    """`@ada  Ada  agent, participant, asleep`; a person by its id. `now` is what he does."""
    is_agent = member.get("member_kind") == "agent"
    name = f"@{word(member.get('slug'))}" if is_agent else f"user:{word(member.get('member_id'))}"
    what = ["agent" if is_agent else "person", word(member.get("category") or member.get("role"))]
    if member.get("asleep"):
        what.append("asleep")
    if now:
        what.append(now)
    return f"{name}  {word(member.get('name'))}  {', '.join(what)}"


def present(presence: JsonObject) -> dict[str, str]:
    """Who is there or speaks, by id: what is to be said of it."""
    people = {word(one.get("user_id")): "here" for one in objects(presence.get("people"))}
    agents = objects(presence.get("agents"))
    return people | {word(one.get("agent_id")): "speaking" for one in agents if one.get("state") == "speaking"}


def step_line(name: str, step: JsonObject) -> str:
    """`Ada used search_knowledge`"""
    return f"{name} used {word(step.get('tool'))}{', in vain' if step.get('is_error') else ''}"


def asked_lines(approval: JsonObject) -> list[str]:
    """What somebody has to decide, in full, and how."""
    detail = approval.get("detail")
    known = detail if isinstance(detail, dict) else {}
    text = plain(str(known["text"])) if "text" in known else one_line(str(known), 2000)
    shown = [f"{_INDENT}{line}".rstrip() for line in text.strip().splitlines()] if known else []
    return [word(approval.get("question")), *shown, "decide with /approve, or /reject and why"]


def decided_line(approval: JsonObject) -> str:
    """`approved by Mo: Is this what you mean?`"""
    by = approval.get("decided_by")
    who = f" by {word(by.get('name'))}" if isinstance(by, dict) else ""
    return f"{word(approval.get('status'))}{who}: {word(approval.get('question'))}"
