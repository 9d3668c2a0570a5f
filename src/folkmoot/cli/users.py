"""`folkmoot users`: who has an account, and making the admin that nobody else could make."""

import sys
from typing import Annotated

import typer

from folkmoot.cli.asking import Limit, Skip, Wish, ask, get, post
from folkmoot.cli.printing import AsJson, print_table, print_text, say_what_is_left, short_time, table_of
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import objects, word
from folkmoot.kernel.json import Json, JsonObject

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)

_LONGEST = 4096


@command.command("list")
def list_users(limit: Limit = 50, skip: Skip = 0, json: AsJson = False) -> None:
    """The users, the newest first."""

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("users"))
        rows = (
            [one.get("id"), short_time(one.get("created_at")), _kind(one), one.get("full_name"), one.get("email")]
            for one in found
        )
        print_table(table_of(("USER", "SINCE", "KIND", "NAME", "EMAIL"), rows))
        say_what_is_left(screen, page, len(found))

    ask(Wish(None, json), lambda: get("/api/users", limit=limit, skip=skip), tell)


@command.command("create-admin")
def create_admin(
    email: Annotated[str | None, typer.Option(help="E-mail address to log in with.  [default: asked for]")] = None,
    full_name: Annotated[str | None, typer.Option(help="The person's name.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin instead of asking for it.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Make a user who manages the users. The first one ends local mode: from then on every call needs a login."""
    if email is None and password_stdin:
        raise typer.BadParameter("needed with --password-stdin", param_hint="--email")
    address = email if email is not None else typer.prompt("E-mail address", err=True)
    password = _from_stdin() if password_stdin else _asked()

    def tell(made: JsonObject, screen: Screen) -> None:
        print_text(f"{word(made.get('email'))}\nuser {word(made.get('id'))}")

    ask(
        Wish(None, json),
        lambda: post("/api/users", email=address, full_name=full_name, password=_checked(password), is_admin=True),
        tell,
    )


def _kind(user: JsonObject) -> Json:
    kind = "admin" if user.get("is_admin") else "user"
    return kind if user.get("is_active") else f"{kind}, inactive"


def _asked() -> str:
    """Asked for twice, because nobody sees what is typed."""
    found: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return found


def _from_stdin() -> str:
    """The first line, without its end; read before the event loop runs, which could not hear Ctrl-C meanwhile."""
    return sys.stdin.buffer.readline(_LONGEST).decode(errors="surrogateescape").rstrip("\r\n")


def _checked(password: str) -> str:
    """Raises BadUsage for none at all: whether it will do is for the API to say."""
    if not password:
        raise BadUsage("There is no password on stdin")
    return password
