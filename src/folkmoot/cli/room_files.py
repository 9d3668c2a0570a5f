"""Files that are brought to a room."""

from pathlib import Path

from folkmoot.cli.client import Client, Form
from folkmoot.cli.papers import Paper, papers_of
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.text import word
from folkmoot.kernel.json import JsonObject


def file_at(named: Path) -> Paper:
    """`~` is whose home it is for a shell. Raises BadUsage for what is no file."""
    try:
        path = named.expanduser()
    except RuntimeError:  # that of somebody who is not known
        path = named
    if path.is_dir():
        raise BadUsage(f"{path} is a folder; attach its files one by one")
    return papers_of([path]).files[0]


async def attach(client: Client, room: str, paper: Paper) -> JsonObject:
    """The document at the room with this address, once what it says can be found.

    Raises BadUsage where the file cannot be read, by us or by the server, Refused, ConnectionLost.
    """
    try:
        document = await client.post(f"{room}/attachments?wait=300", Form(paper.path, [("title", paper.title)]))
    except OSError as error:
        raise BadUsage(f"{paper.path} cannot be read: {error.strerror}") from None
    if document.get("error"):
        raise BadUsage(f"{paper.path}: {word(document['error'])}")
    return document
