"""The audit log is only added to, and every operation that changes something is in it or named here with the reason."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch

from tests.house.operations import operations
from tests.house.source import Source, product

ADDS = "audit/service.py"
READS = ("audit/queries.py", "audit/export.py", "audit/views.py")
LEAVES_IT = "workspaces/queries.py"
"""Where it is said that the log stays when its workspace goes."""

RECORDS = ("record", "_record")

UNRECORDED = {
    "approve_run": "recorded as what it does: `resolve_approval`",
    "send_message": "a message is a row with its author and time, and on the hot path",
    "post_agent_message": "a message is a row with its author and time",
    "acknowledge_agent_messages": "the message says when it was taken",
    "chat_with_ollama": "a message is a row with its author and time",
    "post_room_message": "a message is a row with its author and time",
    "edit_room_message": "only its author can, and the message says when",
    **dict.fromkeys(("add_room_reaction", "remove_room_reaction"), "a reaction is a row with its author and time"),
    "mark_room_read": "one's own marker",
    "start_room_task": "recorded as what it does: `create_task` and `start_run`",
    "try_mcp_server": "changes nothing",
    "try_model": "changes nothing, and the call is metered",
    "login_by_form": "a login like any other: `login`",
    "create_socket_ticket": "changes nothing, and is good for one socket of who asks for half a minute",
}


def verbs(source: Source) -> Iterator[str]:
    """What a module records: the words its calls of `record` have for a verb, `*` where a part is put in later."""
    for node in ast.walk(source.tree) if "record(" in source.text else ():
        if isinstance(node, ast.Call) and ast.unparse(node.func) in RECORDS and len(node.args) > 2:
            yield from words(source, node.args[2])


def words(source: Source, verb: ast.expr) -> Iterator[str]:
    match verb:
        case ast.Constant(value=str() as word):
            yield word
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts)
        case ast.IfExp(body=one, orelse=other):
            yield from words(source, one)
            yield from words(source, other)
        case ast.Name(id=name):
            for node in ast.walk(source.tree):
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                    yield from words(source, node.value)


def recorded() -> set[str]:
    return {verb for source in product() for verb in verbs(source)}


def test_an_operation_that_changes_something_is_recorded() -> None:
    found = recorded()
    unsafe = {operation.id for operation in operations() if operation.method not in ("GET", "HEAD", "OPTIONS")}
    left_out = {id for id in unsafe if not any(fnmatch(id, verb) for verb in found)}
    assert left_out - UNRECORDED.keys() == set(), "record it in its unit, or say in UNRECORDED why not"
    assert UNRECORDED.keys() - left_out == set(), "no longer true"


def test_the_log_is_only_added_to() -> None:
    inside = [source for source in product() if not source.inside.startswith("client/")]
    naming = [source for source in inside if "AuditEntry" in source.text or "audit_log" in source.text]
    places = {source.inside for source in naming if not source.inside.startswith("migrations/")}
    assert places - {ADDS, *READS, LEAVES_IT, "audit/tables.py", "audit/schemas.py"} == set()
    changing = [
        f"{source.name}:{node.lineno} {ast.unparse(node.func)}"
        for source in naming
        if source.inside.startswith("audit/")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("update", "delete", "insert")
    ]
    assert [call.partition(" ")[2] for call in changing] == ["sa.insert"], changing
