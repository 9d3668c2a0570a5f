"""`folkmoot drive`: give Driver a task and wait for its result."""

from typing import Annotated

import typer

from folkmoot.cli.asking import Wish, Workspace, ask, post
from folkmoot.cli.printing import AsJson, print_text
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import objects, word
from folkmoot.kernel.json import JsonObject


def command(
    task: Annotated[str, typer.Argument(help="What is to be done.")],
    context: Annotated[str | None, typer.Option(help="What Driver has to know for it.")] = None,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Give Driver a task: it does it with the other agents, and asks you where it must.

    The core agents are made with: folkmoot init
    """

    def tell(answer: JsonObject, screen: Screen) -> None:
        if "response" in answer:
            print_text(str(answer["response"]))
            return
        run_id = word(answer.get("run_id"))
        for asked in objects(answer.get("approvals")):
            print_text(f"{word(asked.get('question'))}\napproval {word(asked.get('id'))}")
            screen.say("Answer with: folkmoot approvals")
        screen.say(f"Driver goes on with it; look again with: folkmoot runs show {run_id}")

    ask(Wish(workspace, json, works=True), lambda: post("/api/agents/task", task=task, context=context), tell)
