"""`folkmoot approvals`: what runs ask the people of a workspace, and deciding it."""

import json as builtin_json
import sys
from enum import StrEnum
from typing import Annotated

import typer

from folkmoot.cli.asking import Call, Limit, Skip, Wish, Workspace, ask, get, post
from folkmoot.cli.printing import (
    AsJson,
    fact_lines,
    print_table,
    print_text,
    say_what_is_left,
    short_time,
    table_of,
)
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import objects, word
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import JsonObject


class Status(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    ALL = "all"


class Decision(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


Approval = Annotated[str, typer.Argument(help="The approval's id.", metavar="APPROVAL")]

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)


@command.command("list")
def list_approvals(
    status: Annotated[Status, typer.Option(help="Those that are so.")] = Status.PENDING,
    run: Annotated[str | None, typer.Option(help="Those of this run, by its id.")] = None,
    limit: Limit = 50,
    skip: Skip = 0,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """What runs ask, newest first: what waits for a decision, unless another status is asked for."""

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("approvals"))
        rows = (
            [one.get("id"), one.get("status"), one.get("subject"), short_time(one.get("expires_at")), _asked(one)]
            for one in found
        )
        none = "Nothing waits for a decision here" if status == Status.PENDING else "There is none here"
        print_table(table_of(("ID", "STATUS", "ABOUT", "EXPIRES (UTC)", "QUESTION"), rows) if found else none)
        say_what_is_left(screen, page, len(found))

    wanted = None if status == Status.ALL else status.value
    call = get("/api/approvals", status=wanted, run_id=run, limit=limit, skip=skip)
    ask(Wish(workspace, json), lambda: call, tell)


@command.command("show")
def show_approval(approval: Approval, workspace: Workspace = None, json: AsJson = False) -> None:
    """One question with what has to be seen to decide."""
    ask(Wish(workspace, json), lambda: get(_path(approval)), _tell)


@command.command("resolve")
def resolve_approval(
    approval: Approval,
    decision: Annotated[Decision, typer.Argument(help="What is decided.")],
    feedback: Annotated[str | None, typer.Option(help="What is to be said with it; the answer to a question.")] = None,
    revise: Annotated[bool, typer.Option("--revise", help="With reject: try again by the feedback.")] = False,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Decide; the run goes on from it. A question is answered by approve with --feedback."""

    def prepare() -> Call:
        return post(_path(approval, "/resolve"), decision=decision.value, feedback=feedback, revise=revise)

    ask(Wish(workspace, json), prepare, _tell)


def _path(approval: str, verb: str = "") -> str:
    if not is_id(approval):
        raise BadUsage(f"{word(approval)!r} is no approval's id; folkmoot approvals list shows them")
    return f"/api/approvals/{approval}{verb}"


def _asked(approval: JsonObject) -> str:
    return f"{word(approval.get('run_title'))}: {word(approval.get('question'))}"


def approval_lines(approval: JsonObject) -> list[str]:
    """The question, how it stands, and what has to be seen to decide."""
    by = approval.get("decided_by")
    is_open = approval.get("status") == "pending"
    facts = {
        "run": word(approval.get("run_id")),
        "about": word(approval.get("subject")),
        "status": word(approval.get("status")),
        "by": word(by.get("name")) if isinstance(by, dict) else "",
        "feedback": word(approval.get("feedback")),
        "expires": f"{short_time(approval.get('expires_at'))} UTC, then {word(approval.get('on_expiry'))}",
    }
    if not is_open:
        del facts["expires"]
    detail = approval.get("detail")
    shown = ["", builtin_json.dumps(detail, ensure_ascii=False, indent=2)] if detail else []
    return [_asked(approval), *fact_lines(facts), *shown]


def _tell(approval: JsonObject, screen: Screen) -> None:
    print_text("\n".join([*approval_lines(approval), f"approval {word(approval.get('id'))}"]))
