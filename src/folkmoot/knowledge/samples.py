"""Sample knowledge: a few pages about Folkmoot itself, so that a new workspace has something to search."""

from importlib.resources import files

from folkmoot.db.database import Database
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.schemas import NewDocument
from folkmoot.knowledge.service import add_document

TAG = "sample"
_SOURCE = "folkmoot:sample/"


def sample_documents() -> list[NewDocument]:
    """The pages that come with this version."""
    pages = sorted((page for page in files(__package__).joinpath("sample").iterdir()), key=lambda page: page.name)
    return [_document(page.name, page.read_text("utf-8")) for page in pages if page.name.endswith(".md")]


def _document(name: str, text: str) -> NewDocument:
    title = text.partition("\n")[0].removeprefix("# ")
    return NewDocument(title=title, text=text, media_type="text/markdown", tags=[TAG], source=_SOURCE + name)


async def ensure_sample(db: Database, scope: Scope) -> int:
    """Store the pages in the scope's project; answers how many were new. Again it changes nothing.

    A newer version's page takes the place of an older one's.
    """
    return sum([(await add_document(db, scope, new))[1] for new in sample_documents()])
