"""Teams in YAML files: read as the API takes them, and written so that they read back the same."""

from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from folkmoot.cli.client import Client
from folkmoot.cli.problems import BadUsage, Refused
from folkmoot.kernel.json import JsonObject, dumps, loads
from folkmoot.kernel.validation import sentences
from folkmoot.teams.schemas import TeamSpec

MAX_BYTES = 1_000_000
_ENDINGS = (".yaml", ".yml")
_SPEC = tuple(TeamSpec.model_fields)


def is_file(team: str) -> bool:
    """Whether what was given for a team is a file rather than a slug."""
    return team.lower().endswith(_ENDINGS)


def read_teams(path: Path) -> list[TeamSpec]:
    """The teams of a file, one per YAML document. Raises BadUsage with a sentence that says where and what."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise BadUsage(f"There is no file {path}") from None
    except OSError as error:
        raise BadUsage(f"{path} cannot be read: {error.strerror}") from None
    if len(raw) > MAX_BYTES:
        raise BadUsage(f"{path} is larger than {MAX_BYTES:,} bytes")
    try:
        documents = [document for document in yaml.safe_load_all(raw) if document is not None]
        plain = loads(dumps(documents))
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, RecursionError) as error:
        raise BadUsage(f"{path} is no YAML that can be used: {' '.join(str(error).split())[:300]}") from None
    teams = [_team(path, document) for document in plain] if isinstance(plain, list) else []
    if not teams:
        raise BadUsage(f"{path} holds no team")
    return teams


def _team(path: Path, document: object) -> TeamSpec:
    try:
        return TeamSpec.model_validate(document)
    except ValidationError as error:
        raise BadUsage(f"{path}: {sentences(error, 'the team')[0]}") from None


def written(views: Sequence[JsonObject]) -> str:
    """The teams as the API shows them, as YAML; what says nothing is left out."""
    return yaml.safe_dump_all(
        [{name: _bare(view[name]) for name in _SPEC if view.get(name)} for view in views],
        sort_keys=False,
        allow_unicode=True,
        width=100,
    )


def _bare(value: object) -> object:
    """Without nulls and empty lists, which are what is meant where nothing is said."""
    match value:
        case dict():
            return {name: _bare(item) for name, item in value.items() if item is not None and item != []}
        case list():
            return [_bare(item) for item in value]
        case _:
            return value


async def apply_team(client: Client, spec: TeamSpec) -> tuple[str, JsonObject]:
    """Have the workspace's team of that slug be like this: what was done, and the team. Raises Refused."""
    body: JsonObject = spec.model_dump(mode="json")
    try:
        known = await client.get(f"/api/teams/{spec.slug}")
    except Refused as refused:
        if refused.facts.get("http_status") != 404:
            raise
        return "made", await client.post("/api/teams", body)
    del body["slug"]
    changed = await client.patch(f"/api/teams/{spec.slug}", body)
    return "left as it was" if _said(changed) == _said(known) else "changed", changed


def _said(view: JsonObject) -> JsonObject:
    return {name: view.get(name) for name in _SPEC}
