"""`folkmoot knowledge`: files and folders in, passages out."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from folkmoot.cli.asking import Call, Limit, Skip, Wish, Workspace, ask, get, workspace_headers
from folkmoot.cli.client import Client, Form
from folkmoot.cli.connection import connect
from folkmoot.cli.papers import Paper, Papers, papers_of
from folkmoot.cli.printing import AsJson, print_json, print_table, print_text, say_what_is_left, table_of
from folkmoot.cli.problems import COMPLETED, NOT_COMPLETED, BadUsage, Refused, is_passing, sentence
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import number, objects, status_words, word
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import Json, JsonObject

DOCUMENTS = "/api/knowledge/documents"

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)

Document = Annotated[str, typer.Argument(help="The document's id.", metavar="DOCUMENT")]
Tag = Annotated[str | None, typer.Option(help="Only documents with this tag.")]
Project = Annotated[str | None, typer.Option(help="The project's id.", metavar="PROJECT")]


@command.command("add")
def add(
    paths: Annotated[
        list[Path], typer.Argument(help="Files, and folders with all that is in them.", metavar="PATH...")
    ],
    tag: Annotated[list[str] | None, typer.Option(help="A tag for new documents; may be repeated.")] = None,
    project: Project = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Also delete documents whose files have gone from these folders.")
    ] = False,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Add files: text, Markdown, HTML, PDF, DOCX. What has changed takes the place of what it was."""

    async def work(signals: Signals) -> int:
        papers = papers_of(paths)
        if not papers.files and not prune:
            raise BadUsage("There is no file that can be read; text, Markdown, HTML, PDF and DOCX are")
        headers, screen = workspace_headers(workspace), Screen(is_quiet=json)
        fields = [*(("tags", name) for name in tag or ()), *([("project_id", project)] if project else [])]
        async with connect(screen, signals, works=True) as client:
            adding = _Adding(client.within(headers), screen, fields)
            for number, paper in enumerate(papers.files, 1):
                screen.status(f"{number} of {len(papers.files)}: {paper.title}")
                await adding.add(paper)
            if prune:
                await adding.prune(papers)
        if json:
            print_json({"documents": adding.documents, "refused": adding.refused, "deleted": adding.deleted})
        else:
            print_text(adding.words())
        return NOT_COMPLETED if adding.refused else COMPLETED

    go(work, is_json=json)


class _Adding:
    """Sends one file after the other; one that is refused stops no other."""

    def __init__(self, client: Client, screen: Screen, fields: list[tuple[str, str]]) -> None:
        self.documents: list[Json] = []
        self.refused: list[Json] = []
        self.deleted: list[Json] = []
        self._client = client
        self._screen = screen
        self._fields = fields
        self._counted = Counter[str]()

    async def add(self, paper: Paper) -> None:
        fields = [*self._fields, ("title", paper.title), ("source", paper.source)]
        try:
            document = await self._client.post(f"{DOCUMENTS}?wait=300", Form(paper.path, fields))
        except OSError as error:
            self._refuse(paper, f"It cannot be read: {error.strerror}")
        except Refused as refused:
            if is_passing(refused):
                raise
            self._refuse(paper, sentence(refused))
        else:
            if document.get("error"):
                self._refuse(paper, word(document["error"]))
            self.documents.append(document)
            self._counted[word(document.get("status"))] += 1

    def _refuse(self, paper: Paper, why: str) -> None:
        self.refused.append({"path": str(paper.path), "error": why})
        self._screen.say(f"{paper.path}: {why}")

    async def prune(self, papers: Papers) -> None:
        """What came from the folders and is not there any more."""
        there = {paper.source for paper in papers.files}
        gone = []
        async for document in self._client.pages(DOCUMENTS, "documents"):
            source = word(document.get("source"))
            if document.get("room_id") is None and source not in there and source.startswith(tuple(papers.folders)):
                gone.append(document)
        for document in gone:
            await self._client.delete(f"{DOCUMENTS}/{document['id']}")
            self.deleted.append(document["id"])

    def words(self) -> str:
        """`3 documents: 3 ready; 1 file refused; 2 deleted`"""
        counted = ", ".join(f"{count} {status}" for status, count in sorted(self._counted.items()))
        parts = [f"{len(self.documents)} document{'' if len(self.documents) == 1 else 's'}: {counted or 'none'}"]
        if self.refused:
            parts.append(f"{len(self.refused)} file{'' if len(self.refused) == 1 else 's'} refused")
        if self.deleted:
            parts.append(f"{len(self.deleted)} deleted")
        return "; ".join(parts)


@command.command("list")
def list_documents(
    tag: Tag = None,
    status: Annotated[str | None, typer.Option(help="ingesting, ready or failed.")] = None,
    project: Project = None,
    limit: Limit = 50,
    skip: Skip = 0,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Which documents there are, the newest first."""

    def prepare() -> Call:
        return get(DOCUMENTS, tag=tag, status=status, project_id=project, limit=limit, skip=skip)

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("documents"))
        titles = ("ID", "STATUS", "PASSAGES", "TAGS", "TITLE")
        print_table(table_of(titles, map(_row, found)) if found else "There are no documents here")
        say_what_is_left(screen, page, len(found))

    ask(Wish(workspace, json), prepare, tell)


def _row(document: JsonObject) -> list[Json]:
    tags = document.get("tags")
    shown = ", ".join(word(tag) for tag in tags) if isinstance(tags, list) else ""
    return [document.get("id"), document.get("status"), document.get("passages"), shown, document.get("title")]


@command.command("show")
def show_document(
    document: Document, limit: Limit = 50, skip: Skip = 0, workspace: Workspace = None, json: AsJson = False
) -> None:
    """A document's text, passage by passage; neighbours may overlap."""

    def prepare() -> Call:
        return get(f"{DOCUMENTS}/{_checked(document)}/passages", limit=limit, skip=skip)

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("passages"))
        print_text("\n\n".join(f"[{word(passage.get('id'))}]\n{passage.get('text')}" for passage in found))
        say_what_is_left(screen, page, len(found))

    ask(Wish(workspace, json), prepare, tell)


@command.command("search")
def search(
    question: Annotated[str, typer.Argument(help="A question, or words to look for.", metavar="QUESTION")],
    tag: Tag = None,
    project: Project = None,
    by_text: Annotated[bool, typer.Option("--text", help="Not by meaning, also where that is possible.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=50, help="At most so many.")] = 5,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """The passages that answer a question, the best first."""

    def prepare() -> Call:
        mode = "text" if by_text else None
        return get("/api/knowledge/search", q=question, tag=tag, project_id=project, mode=mode, limit=limit)

    def tell(answer: JsonObject, screen: Screen) -> None:
        found = objects(answer.get("passages"))
        shown = (f"{word(one.get('title'))} [{word(one.get('id'))}]\n{one.get('text')}" for one in found)
        print_text("\n\n".join(shown) or "Nothing was found")
        if answer.get("note"):
            screen.say(f"searched by text only: {word(answer['note'])}")

    ask(Wish(workspace, json), prepare, tell)


@command.command("delete")
def delete_document(document: Document, workspace: Workspace = None, json: AsJson = False) -> None:
    """Delete a document with its passages."""

    def prepare() -> Call:
        return Call("DELETE", f"{DOCUMENTS}/{_checked(document)}", {})

    ask(Wish(workspace, json), prepare, lambda _, screen: print_text(f"{document} is deleted"))


@command.command("reindex")
def reindex(workspace: Workspace = None, json: AsJson = False) -> None:
    """Make the vectors that are missing, such as after EMBEDDING_MODEL was changed, and wait for it."""

    async def work(signals: Signals) -> int:
        screen = Screen(is_quiet=json)
        headers = workspace_headers(workspace)
        async with connect(screen, signals, works=True) as client:
            here = client.within(headers)
            run = await here.post("/api/knowledge/reindex")
            while run.get("status") in ("pending", "running"):
                screen.status("making vectors")
                run = await here.get(f"/api/runs/{run['id']}/wait", timeout=300)
        results = run.get("results")
        made = number(results.get("vectors")) if isinstance(results, dict) else 0
        if json:
            print_json(run)
        elif run.get("stop_reason") == "no_model":
            print_text("No model for embeddings is configured (EMBEDDING_MODEL); knowledge is searched by text")
        else:
            print_text(f"{made:,} vectors made; {status_words(run)}")
        return COMPLETED if run.get("status") == "completed" else NOT_COMPLETED

    go(work, is_json=json)


def _checked(document: str) -> str:
    """Raises BadUsage for what can be no document's id."""
    if not is_id(document):
        raise BadUsage(f"{word(document)!r} is no document's id; folkmoot knowledge list shows them")
    return document
