"""`folkmoot agents`: who there is, making them, and letting them work, rest and end."""

import sys
from typing import Annotated

import typer

from folkmoot.cli.asking import Call, Limit, Skip, Wish, Workspace, agent_path, ask, get, post
from folkmoot.cli.contexts import command as contexts
from folkmoot.cli.given import given, json_object
from folkmoot.cli.printing import (
    AsJson,
    fact_lines,
    print_table,
    print_text,
    say_warnings,
    say_what_is_left,
    table_of,
)
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import objects, word
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import Json, JsonObject, dumps

Agent = Annotated[str, typer.Argument(help="The agent's id, number or slug.", metavar="AGENT")]

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)
command.add_typer(contexts, name="context", help="Show, write and roll back what an agent keeps, and its history.")


@command.command("list")
def list_agents(
    status: Annotated[str | None, typer.Option(help="Only those that show this status.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Only those of this type.")] = None,
    project: Annotated[str | None, typer.Option(help="Only those of the project with this id.")] = None,
    limit: Limit = 50,
    skip: Skip = 0,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """The workspace's agents by number, and what each is doing now."""

    def prepare() -> Call:
        return get("/api/agents", status=status, type=kind, project_id=project, limit=limit, skip=skip)

    def tell(page: JsonObject, screen: Screen) -> None:
        agents = objects(page.get("agents"))
        titles = ("NUMBER", "SLUG", "STATUS", "TYPE", "NAME")
        rows = ([agent.get(title.lower()) for title in titles] for agent in agents)
        none = "There are no agents here; make one with: folkmoot agents create assistant"
        print_table(table_of(titles, rows) if agents else none)
        say_what_is_left(screen, page, len(agents))

    ask(Wish(workspace, json), prepare, tell)


@command.command("definitions")
def list_definitions(limit: Limit = 200, skip: Skip = 0, workspace: Workspace = None, json: AsJson = False) -> None:
    """What agents can be made of."""

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("definitions"))
        rows = ([one.get("slug"), one.get("agent_type"), one.get("description")] for one in found)
        print_table(table_of(("SLUG", "TYPE", "DESCRIPTION"), rows))
        say_what_is_left(screen, page, len(found))

    ask(Wish(workspace, json), lambda: get("/api/agents/definitions", limit=limit, skip=skip), tell)


@command.command("create")
def create_agent(
    definition: Annotated[str, typer.Argument(help="What to make it of: a definition's slug or id.")],
    name: Annotated[str | None, typer.Option(help="Its name.  [default: the definition's]")] = None,
    config: Annotated[
        str | None, typer.Option(help="Its configuration: a JSON object, @FILE, or - for stdin.", metavar="JSON")
    ] = None,
    project: Annotated[str | None, typer.Option(help="The id of the project it belongs to.")] = None,
    activate: Annotated[bool, typer.Option(help="Let it work at once.")] = True,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Make an agent of a definition; folkmoot agents definitions lists them."""
    read = None if config is None else given("--config", config)

    def prepare() -> Call:
        return post(
            "/api/agents",
            **{"definition_id" if is_id(definition) else "definition_slug": definition},
            name=name,
            config=None if read is None else json_object(read),
            project_id=project,
            activate=activate,
        )

    ask(Wish(workspace, json), prepare, _tell_status)


@command.command("create-dynamic")
def create_dynamic_agent(
    role: Annotated[str, typer.Argument(help="What it is, such as: Python developer.")],
    can: Annotated[list[str], typer.Option(help="What it can do; may be given again.", metavar="WORDS")],
    reason: Annotated[str, typer.Option(help="What it is needed for.")],
    name: Annotated[str | None, typer.Option(help="Its name.  [default: what Generator calls it]")] = None,
    ttl: Annotated[int | None, typer.Option(min=1, help="Seconds after which it ends.")] = None,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Have Generator design an agent for a role, and make it; folkmoot init makes Generator."""

    def prepare() -> Call:
        wanted: list[Json] = [*can]
        return post("/api/agents/create", role=role, capabilities=wanted, reason=reason, name=name, ttl_seconds=ttl)

    def tell(made: JsonObject, screen: Screen) -> None:
        agent = made.get("agent")
        print_text(f"{word(made.get('message'))}\nagent {word(agent.get('id') if isinstance(agent, dict) else None)}")

    ask(Wish(workspace, json, works=True), prepare, tell)


@command.command("clone")
def clone_agent(
    agent: Agent,
    name: Annotated[str | None, typer.Option(help="Its name.  [default: the first one's]")] = None,
    ttl: Annotated[int | None, typer.Option(min=1, help="Seconds after which it ends.")] = None,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Make another agent with the same configuration."""
    ask(Wish(workspace, json), lambda: post(agent_path(agent, "clone"), name=name, ttl_seconds=ttl), _tell_status)


@command.command("export")
def export_agent(
    agent: Agent,
    slug: Annotated[str | None, typer.Option(help="The definition's slug.  [default: the agent's]")] = None,
    name: Annotated[str | None, typer.Option(help="The definition's name.  [default: the agent's]")] = None,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Make a definition of an agent, of which others can be made: folkmoot agents create SLUG."""

    def tell(definition: JsonObject, screen: Screen) -> None:
        print_text(f"{word(definition.get('slug'))}\ndefinition {word(definition.get('id'))}")

    ask(Wish(workspace, json), lambda: post(agent_path(agent, "export"), slug=slug, name=name), tell)


@command.command("delete-definition")
def delete_agent_definition(
    definition: Annotated[str, typer.Argument(help="The definition's id.")],
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Delete a definition of this workspace's own, of which there are no agents."""

    def prepare() -> Call:
        if not is_id(definition):
            raise BadUsage(f"{word(definition)!r} is no definition's id; folkmoot agents definitions --json shows them")
        return Call("DELETE", f"/api/agents/definitions/{definition}", {})

    ask(Wish(workspace, json), prepare, lambda _, screen: print_text(f"{definition} is deleted"))


@command.command("show")
def show_agent(agent: Agent, workspace: Workspace = None, json: AsJson = False) -> None:
    """One agent: what it is, what it is doing, how it is configured."""

    def tell(found: JsonObject, screen: Screen) -> None:
        print_text("\n".join(agent_lines(found)))
        say_warnings(found, screen)

    ask(Wish(workspace, json), lambda: get(agent_path(agent)), tell)


@command.command("activate")
def activate_agent(agent: Agent, workspace: Workspace = None, json: AsJson = False) -> None:
    """Let an agent work."""
    ask(Wish(workspace, json), lambda: post(agent_path(agent, "activate")), _tell_status)


@command.command("deactivate")
def deactivate_agent(agent: Agent, workspace: Workspace = None, json: AsJson = False) -> None:
    """Let an agent rest."""
    ask(Wish(workspace, json), lambda: post(agent_path(agent, "deactivate")), _tell_status)


@command.command("shutdown")
def shutdown_agent(agent: Agent, workspace: Workspace = None, json: AsJson = False) -> None:
    """End an agent's work; it no longer counts against the workspace's cap."""
    ask(Wish(workspace, json), lambda: post(agent_path(agent, "shutdown")), _tell_status)


@command.command("delete")
def delete_agent(agent: Agent, workspace: Workspace = None, json: AsJson = False) -> None:
    """Delete an agent with its conversations and contexts; its number is not given again."""

    def tell(_: JsonObject, screen: Screen) -> None:
        print_text(f"{agent} is deleted")

    ask(Wish(workspace, json), lambda: Call("DELETE", agent_path(agent), {}), tell)


@command.command("message")
def send_message(
    agent: Agent,
    text: Annotated[str, typer.Argument(help="What to say.")],
    conversation: Annotated[
        str | None, typer.Option(help="A conversation's id, or new.  [default: your standing one]")
    ] = None,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Say something to an agent and print its reply."""

    def prepare() -> Call:
        return post(agent_path(agent, "message"), message=text, conversation_id=conversation)

    def tell(reply: JsonObject, screen: Screen) -> None:
        if "response" in reply:
            print_text(str(reply["response"]))
        else:
            run_id = word(reply.get("run_id"))
            screen.say(f"The reply is not there yet; look again with: folkmoot runs show {run_id}")

    ask(Wish(workspace, json), prepare, tell)


def agent_lines(agent: JsonObject) -> list[str]:
    """Everything `agents show` says."""
    capabilities, config = agent.get("capabilities"), agent.get("config")
    return fact_lines(
        {
            "agent": word(agent.get("id")),
            "number": word(agent.get("number")),
            "slug": word(agent.get("slug")),
            "name": word(agent.get("name")),
            "type": word(agent.get("agent_type")),
            "role": word(agent.get("role")),
            "status": word(agent.get("status")),
            "error": word(agent.get("last_error")),
            "run": word(agent.get("current_run_id")),
            "can": ", ".join(map(word, capabilities)) if isinstance(capabilities, list) else "",
            "config": word(dumps(config)) if config else "",
            "project": word(agent.get("project_id")),
            "created": word(agent.get("created_at")),
            "ends": word(agent.get("ttl_at")),
        }
    )


def _tell_status(agent: JsonObject, screen: Screen) -> None:
    print_text(f"{word(agent.get('slug'))} {word(agent.get('status'))}\nagent {word(agent.get('id'))}")
    say_warnings(agent, screen)
