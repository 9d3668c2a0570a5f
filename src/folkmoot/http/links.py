"""OpenAPI links: from what an operation made to the operations on it, for tools that explore an API."""

from typing import Any

Described = dict[str, Any]


def add_links(document: Described) -> None:
    """Every POST that makes something says what can be done with that, and with what is below it."""
    paths, schemas = document["paths"], document["components"]["schemas"]
    places = [(path, operation) for path, methods in paths.items() for operation in methods.values()]
    for path, methods in paths.items():
        for status, answer in methods.get("post", {"responses": {}})["responses"].items():
            if not status.startswith("2"):
                continue
            names = _names(path, _properties(answer, schemas))
            links = [_link(place, operation, names, schemas) for place, operation in places]
            if any(links):
                answer["links"] = {link["operationId"]: link for link in links if link}


def _link(place: str, operation: Described, names: dict[str, str], schemas: Described) -> Described:
    """The operation with the names it needs, in its path or body; empty where it needs none of what was made."""
    parameters = _parameters(place)
    if any(name not in names for name in parameters):
        return {}
    link: Described = {"operationId": operation["operationId"]}
    body = [name for name in _properties(operation.get("requestBody", {}), schemas) if name in names]
    given = [name for name in (*parameters, *body) if names[name].startswith("$response")]
    if parameters:
        link["parameters"] = {name: names[name] for name in parameters}
    if body:
        link["requestBody"] = {name: names[name] for name in body}
    return link if given else {}


def _names(path: str, properties: Described) -> dict[str, str]:
    """What is known after the call: the names in its path and the id of what was made.

    An answer without an id of its own tells what it made under the names of those things.
    """
    known = {parameter: f"$request.path.{parameter}" for parameter in _parameters(path)}
    if "id" in properties:
        made = path.rpartition("/")[2].removesuffix("s").replace("-", "_")
        return {**known, f"{made}_id": "$response.body#/id"}
    made_ids = (name for name in properties if name.endswith("_id"))
    return {**{name: f"$response.body#/{name}" for name in made_ids}, **known}


def _parameters(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _properties(part: Described, schemas: Described) -> Described:
    schema = part.get("content", {}).get("application/json", {}).get("schema", {})
    named = schema.get("$ref", "").rpartition("/")[2]
    found: Described = schemas.get(named, schema).get("properties", {})
    return found
