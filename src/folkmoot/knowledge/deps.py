"""What routes may ask for of knowledge: the library, and a document that is given as JSON or as a file."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import HTTPConnection

from folkmoot.kernel.json import Json, loads
from folkmoot.kernel.validation import reasons
from folkmoot.knowledge.library import Library, Upload
from folkmoot.knowledge.schemas import TAGS, NewAttachedFile, NewAttachment, NewDocument, NewUpload
from folkmoot.knowledge.search import Search

FORM = "multipart/form-data"

_FIELD_BYTES = 100_000
_FIELDS = TAGS + 8
_LISTS = ("tags",)
_NO_FILE = {"type": "missing", "loc": ("body", "file"), "msg": "A file is needed"}
_NOT_JSON = {"type": "model_attributes_type", "loc": ("body",), "msg": f"JSON or {FORM} is needed"}

M = TypeVar("M", bound=BaseModel)
A = TypeVar("A", bound=NewAttachment)
_OPENAPI_FILE = {"type": "string", "format": "binary", "description": "Text, Markdown, HTML, PDF or DOCX"}


def openapi_of(text: type[NewAttachment], file: type[NewAttachedFile]) -> dict[str, Any]:
    """A body of two kinds, which the framework cannot describe."""
    form = {
        "type": "object",
        "required": ["file"],
        "properties": {"file": _OPENAPI_FILE, **file.model_json_schema()["properties"]},
    }
    content = {
        "application/json": {"schema": text.model_json_schema()},
        FORM: {"schema": form, "example": {"file": "README.md", "tags": ["readme"]}},
    }
    return {"requestBody": {"required": True, "content": content}}


def _given(text: type[A], file: type[NewAttachedFile]) -> Callable[[Request], AsyncIterator[A | Upload]]:
    async def given(request: Request) -> AsyncIterator[A | Upload]:
        """Raises RequestValidationError, and what the framework raises of a form that it cannot read."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == FORM:
            async with request.form(max_files=1, max_fields=_FIELDS, max_part_size=_FIELD_BYTES) as form:
                yield _upload(form, file)
            return
        body = await request.body()
        if kind != "application/json" and not kind.endswith("+json"):
            raise RequestValidationError([_NOT_JSON])
        yield _valid(text, loads(body) if body else None)

    return given


def _upload(form: FormData, about: type[NewAttachedFile]) -> Upload:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise RequestValidationError([_NO_FILE])
    names = dict.fromkeys(name for name in form if name != "file")
    given: dict[str, Json] = {}
    for name in names:
        values: list[Json] = [value if isinstance(value, str) else None for value in form.getlist(name)]
        given[name] = values if name in _LISTS else values[-1]
    return Upload(file.file, file.filename or "", _valid(about, given))


def _valid(kind: type[M], given: Json) -> M:
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise RequestValidationError(reasons(error, "body")) from None


async def _library(connection: HTTPConnection) -> Library:
    library: Library = connection.app.state.library
    return library


async def _search(connection: HTTPConnection) -> Search:
    return (await _library(connection)).search


Given = Annotated[NewDocument | Upload, Depends(_given(NewDocument, NewUpload))]
GivenAttachment = Annotated[NewAttachment | Upload, Depends(_given(NewAttachment, NewAttachedFile))]
Books = Annotated[Library, Depends(_library)]
Searching = Annotated[Search, Depends(_search)]
