"""`folkmoot init`: Driver, Creator, Generator and some sample knowledge, for a workspace that has none yet."""

from folkmoot.cli.asking import Wish, Workspace, ask, post
from folkmoot.cli.printing import AsJson, print_text
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import word
from folkmoot.kernel.json import JsonObject


def command(workspace: Workspace = None, json: AsJson = False) -> None:
    """Make the core agents: Driver, who has work done; Creator, who researches; Generator, who makes agents.

    With them come a few pages about Folkmoot, for Creator to search. What is there already stays as it is.
    """

    def tell(answer: JsonObject, screen: Screen) -> None:
        print_text(word(answer.get("message")))
        screen.say('Give Driver a task with: folkmoot drive "TASK"')

    ask(Wish(workspace, json), lambda: post("/api/init"), tell)
