"""Definitions from code: what every workspace can make agents of, written to the database at each start."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

import sqlalchemy as sa

from folkmoot.agents.queries import definitions_from_code
from folkmoot.agents.schemas import AgentConfig
from folkmoot.agents.tables import AgentDefinition
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.tools.registry import without_titles
from folkmoot.workspaces.queries import hold_slugs


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A definition as code states it. `is_hosted`: by a class, whose agents live in a process.

    A hidden one is not offered to users: its agents are made by other means.
    """

    slug: str
    name: str
    agent_type: str
    description: str
    capabilities: tuple[str, ...]
    own_schema: Mapping[str, Json] = field(default_factory=dict)
    meta_data: Mapping[str, Json] = field(default_factory=dict)
    is_hosted: bool = False
    is_hidden: bool = False


def _instructed(text: str) -> JsonObject:
    return {"properties": {"instructions": {"default": " ".join(text.split())}}}


BUILT_IN = (
    Offer(
        slug="assistant",
        name="Assistant",
        agent_type="assistant",
        description="A plain assistant: answers messages as it is instructed, with the tools it is given",
        capabilities=("chat",),
    ),
    Offer(
        slug="reviewer",
        name="Reviewer",
        agent_type="reviewer",
        description="Reads code or text that others made and says what is wrong, what is missing and what to do",
        capabilities=("chat", "code_review"),
        own_schema=_instructed(
            """You review work that others made: code, plans, documents. Read all of it before you judge.
            Report findings in the order of their weight. For each say where it is (file and line, or the
            sentence quoted), what goes wrong and for whom, and the smallest change that puts it right.
            Keep apart what is wrong, what is risky and what is taste; leave taste out unless you are asked.
            Look for errors at the edges: empty and huge input, failure half way, two at once, other people's
            data. Never claim to have run or seen what you did not. If nothing is wrong, say so in one
            sentence. End with a verdict on a line of its own: approve, or request changes."""
        ),
    ),
    Offer(
        slug="builder",
        name="Builder",
        agent_type="builder",
        description="Turns a request into working code, complete and ready to be put in place",
        capabilities=("chat", "code_generation"),
        own_schema=_instructed(
            """You write code that others will run and keep. If the request leaves open something that changes
            the result, state the assumption you make in one line and go on. Prefer the standard library and
            what the project already uses; follow its style where you can see it. Give whole files or whole
            functions, each in its own code block headed by its path, with nothing left out and nothing to be
            filled in. Handle errors where something can be done about them and let others pass. Do not
            pretend to have run anything. After the code say in at most five lines how to use it, and what
            you did not cover."""
        ),
    ),
    Offer(
        slug="test",
        name="Test",
        agent_type="test",
        description="Writes tests that fail when the code is wrong, and says what they leave unproven",
        capabilities=("chat", "testing"),
        own_schema=_instructed(
            """You write tests for code that others made. First list the behaviours that matter, edges and
            failures included; then write one test for each, named after the behaviour, in the test framework
            the project uses (pytest if you cannot tell). Test through the public interface, with real
            collaborators wherever they are cheap; no sleeping, no network, no order between tests. A test
            must fail if the behaviour breaks: say for each which mistake it would catch. Give complete files
            in code blocks headed by their path. If the code looks wrong, write the test that shows it and say
            so. Do not pretend to have run anything. End with what remains untested."""
        ),
    ),
)


def built_in_slugs() -> frozenset[str]:
    return frozenset(offer.slug for offer in BUILT_IN)


def ensure_definitions(tx: Tx, classes: Iterable[Offer] = ()) -> None:
    """Make the definitions from code those of this process: the built-in ones and the classes'.

    A definition whose class is gone is taken out of use and comes back with it. One that an operator has
    disabled stays so.
    """
    hold_slugs(tx)  # several processes may start on an empty database at once
    offers = {offer.slug: offer for offer in (*BUILT_IN, *classes)}
    write_offers(tx, offers.values())
    for known in definitions_from_code(tx):
        if known.slug not in offers and known.is_enabled:
            _change(tx, known, {"is_enabled": False, "class_gone_at": now()})


def write_offers(tx: Tx, offers: Iterable[Offer]) -> None:
    """Make or refresh these definitions and leave all others alone."""
    known = {definition.slug: definition for definition in definitions_from_code(tx)}
    for offer in offers:
        said, existing = _said(offer), known.get(offer.slug)
        if existing is None:
            made = {"id": new_id(), "is_enabled": not offer.is_hidden, "created_at": now(), "updated_at": now()}
            tx.write(sa.insert(AgentDefinition), {**said, **made, "slug": offer.slug})
            continue
        if existing.class_gone_at is not None:
            said["is_enabled"] = True
        if any(getattr(existing, name) != value for name, value in said.items()):
            _change(tx, existing, said)


def _change(tx: Tx, definition: AgentDefinition, values: dict[str, object]) -> None:
    this = sa.update(AgentDefinition).where(AgentDefinition.id == sa.bindparam("this_definition"))
    tx.write(this.values(**values, updated_at=now()), {"this_definition": definition.id})


def _said(offer: Offer) -> dict[str, object]:
    return {
        "workspace_id": None,
        "name": offer.name,
        "agent_type": offer.agent_type,
        "description": offer.description,
        "capabilities": [*offer.capabilities],
        "config_schema": schema_with(offer.own_schema),
        "meta_data": {**offer.meta_data},
        "is_hosted": offer.is_hosted,
        "class_gone_at": None,
    }


def schema_with(own: Mapping[str, Json]) -> JsonObject:
    """What every agent understands, and a definition's own keys beside it; a key of both has to fit both."""
    shared = _shared_schema()
    properties: JsonObject = {**_object(shared.get("properties"))}
    for name, rule in _object(own.get("properties")).items():
        known = properties.get(name)
        properties[name] = {**known, **_narrowed(rule)} if isinstance(known, dict) else rule
    return {**shared, **own, "type": "object", "properties": properties}


@cache
def _shared_schema() -> JsonObject:
    return without_titles(AgentConfig.model_json_schema())


def _narrowed(rule: Json) -> JsonObject:
    """A rule of a shared key: its default counts for the key, what else it says is asked for on top."""
    if not isinstance(rule, dict):
        return {"allOf": [rule]}
    said: JsonObject = {name: value for name, value in rule.items() if name in ("default", "description")}
    asked: JsonObject = {name: value for name, value in rule.items() if name not in said}
    return {**said, "allOf": [asked]} if asked else said


def defaults_of(definition: AgentDefinition) -> JsonObject:
    """The definition's own defaults, with which its agents begin; those of every agent apply without being kept."""
    shared = AgentConfig().model_dump(mode="json")
    found: JsonObject = {}
    for name, rule in _object(definition.config_schema.get("properties")).items():
        if isinstance(rule, dict) and "default" in rule:
            is_shared = name in shared and rule["default"] == shared[name]
            if not is_shared:
                found[name] = rule["default"]
    return found


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
