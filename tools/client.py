"""Writes the parts of the Python client that are read off the OpenAPI document (`make docs`).

`calls/` has a function for each operation, `resources/` a class for each part of an answer, `operations.py` the
methods. What is streamed is written by hand in the client.
"""

import re
import subprocess
import sys
import textwrap
from collections import defaultdict
from keyword import iskeyword
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from pydantic import BaseModel

from folkmoot.app import create_app
from folkmoot.kernel.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
HOME = "src/folkmoot/client"

FOLLOWED = {"stream_run": "follow_run", "stream_events": "events"}
"""What answers only a stream, and the client's own method for it."""
STREAMS = {"send_message": frozenset({"stream"})}
"""Inputs that turn an answer into a stream; the client has methods of their own for that."""

BY_HAND = frozenset({"wait_for_run"})
"""Operations whose method in the client does more than the one call."""

FILES = "multipart/form-data"
_SELECTORS = frozenset({"workspace_id", "workspace_slug"})
_WAITS = frozenset({"wait", "timeout"})
_SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "object": "JsonObject"}
_JSON = re.compile(r"application/(\w+[-.+])*json")
_OF_A_FILE = "`file` is a path, or the bytes themselves."
_IMPORTED = {
    "Attached": "from folkmoot.client.forms import Attached",
    "File": "from folkmoot.client.forms import File",
    "Sequence": "from collections.abc import Sequence",
    "datetime": "from datetime import datetime",
    "Json": "from folkmoot.kernel.json import Json",
    "JsonObject": "from folkmoot.kernel.json import JsonObject",
}


class Input(NamedTuple):
    """One parameter of an operation; `place` is path, query, body or file."""

    name: str
    place: str
    type: str
    is_required: bool

    @property
    def spelled(self) -> str:
        return f"{self.name}_" if iskeyword(self.name) else self.name


class Operation(NamedTuple):
    """One operation; `is_upload`: as it is asked with a file, a second method where it takes JSON too."""

    method: str
    path: str
    said: dict[str, Any]
    is_upload: bool = False

    @property
    def id(self) -> str:
        name = str(self.said["operationId"])
        return f"upload_{name.partition('_')[2]}" if self.is_upload and len(self._bodies) > 1 else name

    @property
    def content(self) -> dict[str, Any]:
        """The schemas of its body, by media type."""
        return {kind: media for kind, media in self._bodies.items() if (kind == FILES) == self.is_upload}

    @property
    def _bodies(self) -> dict[str, Any]:
        found: dict[str, Any] = self.said.get("requestBody", {}).get("content", {})
        return found

    def ways(self) -> list["Operation"]:
        """With a file and without, as far as it is asked so."""
        found = [self._replace(is_upload=True)] if FILES in self._bodies else []
        return found if found and len(self._bodies) == 1 else [self, *found]

    @property
    def room(self) -> str:
        return re.sub(r"\W", "_", str(self.said["tags"][0]).lower())


class Types:
    """What the document's schemas are called in Python, and which of them answers are made of."""

    def __init__(self, schemas: dict[str, Any], homes: dict[str, str]) -> None:
        self.schemas = schemas
        self._homes = homes
        self._used: set[str] = set()

    def body(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The body's schema, also where the body may be left out."""
        for candidate in (schema, *schema.get("anyOf", ())):
            if "$ref" in candidate:
                found: dict[str, Any] = self.schemas[_name(candidate)]
                return found
        return schema

    def answer(self, content: dict[str, Any]) -> tuple[str, str]:
        media = next((said for name, said in content.items() if _JSON.fullmatch(name)), None)
        if media is None and "application/octet-stream" in content:
            return "bytes", "wire.raw"
        if media is None:
            return ("str", "wire.text") if content else ("None", "wire.nothing")
        kind = self.of(media["schema"], is_answer=True)
        if kind == "JsonObject":
            return kind, "wire.fields"
        if kind.startswith("list["):
            return kind, f"wire.many({kind[5:-1]})"
        return kind, f"wire.one({kind})"

    def of(self, schema: dict[str, Any], *, is_answer: bool) -> str:
        """The annotation; words of a closed list are plain text, so that a newer server's words are no fault."""
        if "$ref" in schema:
            return self._named(_name(schema), is_answer=is_answer)
        if "anyOf" in schema:
            kinds = dict.fromkeys(self.of(part, is_answer=is_answer) for part in schema["anyOf"])
            return " | ".join(sorted(kinds, key=lambda kind: kind == "None"))
        if schema.get("type") == "array":
            kind = self.of(schema.get("items", {}), is_answer=is_answer)
            return f"list[{kind}]" if is_answer else f"Sequence[{kind}]"
        if schema.get("type") == "null":
            return "None"
        if schema.get("format") == "date-time":
            return "datetime"
        return _SIMPLE.get(schema.get("type", ""), "Json")

    def _named(self, name: str, *, is_answer: bool) -> str:
        schema = self.schemas[name]
        if name.startswith("Json-"):
            return "Json"
        if "properties" not in schema:
            return self.of(schema, is_answer=is_answer)
        if not is_answer:
            return "JsonObject"
        self._used.add(name)
        return _short(name)

    def reachable(self) -> list[str]:
        """The parts of all answers, and their parts."""
        done = set[str]()
        while left := self._used - done:
            for name in left:
                for part in self.schemas[name]["properties"].values():
                    self.of(part, is_answer=True)
            done |= left
        return sorted(done)

    def home(self, name: str) -> str:
        return self._homes[_plain(name)]

    def imports(self, text: str, own: str | None) -> list[str]:
        code = re.sub(r'""".*?"""', "", text, flags=re.DOTALL)
        lines = [line for name, line in _IMPORTED.items() if re.search(rf"\b{name}\b", code)]
        by_home = defaultdict[str, list[str]](list)
        for name in sorted(self._used):
            if self.home(name) != own and re.search(rf"(?<![\w\"']){_short(name)}\b(?!['\"])", code):
                by_home[self.home(name)].append(_short(name))
        for home, names in sorted(by_home.items()):
            lines.append(f"from folkmoot.client.resources.{home} import {', '.join(names)}")
        return lines


class Writer:
    """The client's generated files by their paths, from one OpenAPI document."""

    def __init__(self, document: dict[str, Any], homes: dict[str, str]) -> None:
        self._types = Types(document["components"]["schemas"], homes)
        self._operations = [
            way
            for path, methods in document["paths"].items()
            for method, said in methods.items()
            if said["operationId"] not in FOLLOWED
            for way in Operation(method.upper(), path, said).ways()
        ]

    def files(self) -> dict[str, str]:
        by_room = defaultdict[str, list[Operation]](list)
        for operation in self._operations:
            by_room[operation.room].append(operation)
        found = {f"calls/{room}.py": self._calls(room, members) for room, members in sorted(by_room.items())}
        found["operations.py"] = _methods(by_room)
        by_home = defaultdict[str, list[str]](list)
        for name in self._types.reachable():
            by_home[self._types.home(name)].append(name)
        found |= {f"resources/{home}.py": self._resources(home, names) for home, names in sorted(by_home.items())}
        return {f"{HOME}/{name}": text for name, text in found.items()}

    def _calls(self, room: str, operations: list[Operation]) -> str:
        functions = [self._call(operation) for operation in operations]
        text = "\n\n".join(functions)
        lines = [f'"""Calls of {room}. Written by `make docs`."""', "", *self._types.imports(text, None)]
        lines += ["from folkmoot.client import wire", "from folkmoot.client.wire import Call"]
        return "\n".join(lines) + "\n\n\n" + text

    def _call(self, operation: Operation) -> str:
        inputs = self._inputs(operation)
        needed = [f"{item.spelled}: {item.type}" for item in inputs if item.is_required]
        optional = [f"{item.spelled}: {_nullable(item.type)} = None" for item in inputs if not item.is_required]
        takes_key = any(given["name"] == "idempotency-key" for given in operation.said.get("parameters", ()))
        if takes_key:
            optional.append("idempotency_key: str | None = None")
        answer, reader = self._answer(operation)
        arguments = [repr(operation.method), _path(operation.path, inputs), reader]
        for place in ("query", "body"):
            given = ", ".join(f"{item.name!r}: {item.spelled}" for item in inputs if item.place == place)
            if given or (place == "body" and operation.is_upload):
                arguments.append(f"{place}={{{given}}}")
        if operation.is_upload:
            optional.insert(0, "filename: str | None = None")
            arguments.append("attached=Attached(file, filename)")
        flags = {
            "is_form": "application/x-www-form-urlencoded" in operation.content,
            "is_long": takes_key or any(item.name in _WAITS for item in inputs),
            "takes_key": takes_key,
        }
        arguments += [f"{name}=True" for name, is_set in flags.items() if is_set]
        if takes_key:
            arguments.append("key=idempotency_key")
        signature = ", ".join([*needed, *(["*", *optional] if optional else [])])
        doc = _docstring(operation.said.get("description") or "", _OF_A_FILE if operation.is_upload else "")
        return f"def {operation.id}({signature}) -> Call[{answer}]:\n{doc}    return Call({', '.join(arguments)})\n"

    def _inputs(self, operation: Operation) -> list[Input]:
        found = []
        for given in operation.said.get("parameters", ()):
            if given["in"] in ("path", "query") and not (given["in"] == "query" and given["name"] in _SELECTORS):
                kind = "str | int" if given["name"] == "agent_id" else self._types.of(given["schema"], is_answer=False)
                found.append(Input(given["name"], given["in"], kind, given.get("required", False)))
        order = re.findall(r"{(\w+)", operation.path)
        found.sort(key=lambda item: order.index(item.name) if item.place == "path" else len(order))
        for media in operation.content.values():
            schema = self._types.body(media["schema"])
            for name, part in schema.get("properties", {}).items():
                if part.get("format") == "binary":
                    found.append(Input(name, "file", "File", True))
                elif name not in STREAMS.get(operation.id, ()):
                    is_required = name in schema.get("required", ())
                    found.append(Input(name, "body", self._types.of(part, is_answer=False), is_required))
        return found

    def _answer(self, operation: Operation) -> tuple[str, str]:
        """The type of what an operation answers, and what reads it."""
        found = dict[str, tuple[str, str]]()
        for status, said in operation.said["responses"].items():
            if status.startswith("2"):
                kind, reader = self._types.answer(said.get("content", {}))
                if kind not in [known for known, _ in found.values()]:
                    found[status] = (kind, reader)
        (_, (kind, reader)), *others = found.items()
        if not others:
            return kind, reader
        ((status, (other, other_reader)),) = others
        return f"{kind} | {other}", f"wire.either({reader}, {status}, {other_reader})"

    def _resources(self, home: str, names: list[str]) -> str:
        classes = [self._resource(name) for name in _by_need(names, self._types.schemas)]
        text = "\n\n".join(classes)
        lines = [
            f'"""What operations of {home} answer. Written by `make docs`."""',
            "",
            *self._types.imports(text, home),
        ]
        return "\n".join([*lines, "from folkmoot.client.wire import Resource"]) + "\n\n\n" + text

    def _resource(self, name: str) -> str:
        schema = self._types.schemas[name]
        lines = [f"class {_short(name)}(Resource):\n{_docstring(schema.get('description') or '')}"]
        for field, part in schema["properties"].items():
            kind = self._types.of(part, is_answer=True)
            is_sure = field in schema.get("required", ())
            lines.append(f"    {field}: {kind}\n" if is_sure else f"    {field}: {_nullable(kind)} = None\n")
        return "".join(lines)


def _methods(by_room: dict[str, list[Operation]]) -> str:
    parts = [
        '"""Every operation of the API as a method of both clients. Written by `make docs`."""\n\n'
        f"from folkmoot.client.calls import {', '.join(sorted(by_room))}\n"
        "from folkmoot.client.verbs import Operation\n"
    ]
    names = {room: f"{room.title().replace('_', '')}Operations" for room in sorted(by_room)}
    for room, name in names.items():
        lines = [f"    {operation.id} = Operation({room}.{operation.id})" for operation in by_room[room]]
        lines = [line for line in lines if line.split()[0] not in BY_HAND]
        parts.append(f"class {name}:\n" + "\n".join(lines) + "\n")
    parts.append(f'class Operations({", ".join(names.values())}):\n    """All of them."""\n')
    return "\n\n".join(parts)


def _by_need(names: list[str], schemas: dict[str, Any]) -> list[str]:
    """Each after those it is made of."""
    done: list[str] = []

    def add(name: str) -> None:
        for other in sorted(set(re.findall(r"schemas/([\w-]+)'", repr(schemas[name]["properties"])))):
            if other in names and other not in done:
                add(other)
        if name not in done:
            done.append(name)

    for name in names:
        add(name)
    return done


def _path(template: str, inputs: list[Input]) -> str:
    named = [item.name for item in inputs if item.place == "path"]
    plain = re.sub(r":path}", "}", template)
    return f"wire.path({plain!r}, {', '.join(f'{name}={name}' for name in named)})" if named else repr(plain)


def _name(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _plain(name: str) -> str:
    """FastAPI tells an answer's form from a body's where one class is both."""
    return name.removesuffix("-Output")


def _short(name: str) -> str:
    return _plain(name).removesuffix("View")


def _nullable(kind: str) -> str:
    return kind if kind.endswith("None") or kind == "Json" else f"{kind} | None"


def _docstring(text: str, more: str = "") -> str:
    first = " ".join((*text.split("\n\n")[0].split(), *more.split()))
    if not first:
        return ""
    lines = textwrap.wrap(first.replace("\\", "\\\\"), 108)
    return textwrap.indent('"""' + "\n".join(lines) + ('"""\n' if len(lines) == 1 else '\n"""\n'), "    ")


def _homes() -> dict[str, str]:
    """The room that each part of an answer is written in."""

    def kinds(of: type[BaseModel]) -> list[type[BaseModel]]:
        return [kind for sub in of.__subclasses__() for kind in (sub, *kinds(sub))]

    return {
        kind.__name__: kind.__module__.split(".")[1]
        for kind in kinds(BaseModel)
        if kind.__module__.startswith("folkmoot.") and not kind.__module__.startswith("folkmoot.client.")
    }


def client_files() -> dict[str, str]:
    """What the generated files should hold."""
    document = create_app(Settings(_env_file=None)).openapi()
    return formatted(Writer(document, _homes()).files())


def formatted(files: dict[str, str]) -> dict[str, str]:
    """All at once: a formatter's start takes longer than its work."""
    ruff = (sys.executable, "-m", "ruff", "--config", str(ROOT / "pyproject.toml"))
    with TemporaryDirectory() as folder:
        places = {name: Path(folder) / name for name in files}
        for name, place in places.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(files[name])
        for verb in (("check", "--fix", "--select", "I"), ("format",)):
            subprocess.run([*ruff, "--quiet", *verb, folder], check=True)
        return {name: place.read_text() for name, place in places.items()}


def main() -> None:
    files = client_files()
    for folder in ("calls", "resources"):
        for old in (ROOT / HOME / folder).glob("[!_]*.py"):
            if old.relative_to(ROOT).as_posix() not in files:
                old.unlink()
    for name, text in files.items():
        (ROOT / name).write_text(text)


if __name__ == "__main__":
    main()
