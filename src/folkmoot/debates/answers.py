"""What language models answer, as the journal keeps it: aliases become seats, labels options, or it does not fit."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from pydantic import BaseModel

from folkmoot.agents.calls import Form, form
from folkmoot.debates.forms import BallotForm, ChoiceForm, JudgementForm, TurnForm
from folkmoot.debates.prompts import by_seat
from folkmoot.debates.rounds import choosable
from folkmoot.debates.state import MODERATOR, DebateState, option_of
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.llm.messages import OutputSchema
from folkmoot.runs.journal import Call, Outcome


def form_of(state: DebateState, action: Call) -> Form:
    """The form that an answer has to fill in, with the options and aliases that there are."""
    seat, is_opening = _seat(action), action.recipe.get("type") == "opening"

    def check_turn(turn: TurnForm) -> None:
        _option(state, turn.position)
        if is_opening and turn.is_pass:
            raise ValueError("pass: the opening cannot be passed")
        if not (turn.is_pass or turn.text.strip()):
            raise ValueError("text: say something, or pass")

    def check_choice(choice: ChoiceForm) -> None:
        if not (choice.end_round and state.of_round) and _chosen(state, choice.next_alias) is None:
            raise ValueError(f"next_alias: choose one of {', '.join(_choosable(state))}")

    def check_position(value: BallotForm | JudgementForm) -> None:
        _option(state, value.position)

    match action.output:
        case "turn":
            return form(TurnForm, check_turn, _schema(_schema_of(TurnForm), _labels(state)))
        case "ballot":
            return form(BallotForm, check_position, _schema(_ballot(state, seat), _labels(state)))
        case "choice":
            return form(ChoiceForm, check_choice, _schema(_schema_of(ChoiceForm), _choosable(state), "next_alias"))
        case _:
            return form(JudgementForm, check_position, _schema(_schema_of(JudgementForm), _labels(state)))


@cache
def _schema_of(type_: type[BaseModel]) -> JsonObject:
    """Nobody changes it. Making it anew was a third of what a turn cost."""
    return type_.model_json_schema()


def _schema(schema: JsonObject, allowed: list[str], name: str = "position") -> OutputSchema:
    """With the only values there are for one of its members, where they are given."""
    title, properties = str(schema["title"]), schema["properties"]
    member = properties.get(name) if isinstance(properties, dict) else None
    if not (allowed and isinstance(properties, dict) and isinstance(member, dict)):
        return OutputSchema(title, schema)
    narrowed: JsonObject = {**member, "enum": [*allowed]}
    return OutputSchema(title, {**schema, "properties": {**properties, name: narrowed}})


def _ballot(state: DebateState, seat: int) -> JsonObject:
    """Agreements are asked for by alias; with closed options they would count for nothing."""
    schema = _schema_of(BallotForm)
    properties = schema["properties"]
    assert isinstance(properties, dict), "it is an object's"
    rest: JsonObject = {name: member for name, member in properties.items() if name != "agreement"}
    if state.is_closed:
        return {**schema, "properties": rest}
    share: Json = {"type": "number", "minimum": 0, "maximum": 1}
    names = [*state.aliases_for(seat).values()]
    rest["agreement"] = {
        "type": "object",
        "properties": dict.fromkeys(names, share),
        "required": [*names],
        "additionalProperties": False,
    }
    return {**schema, "properties": rest, "required": [*rest]}


def kept(state: DebateState, action: Call, outcome: Outcome) -> Outcome:
    """The outcome with the answer in the debate's own words: no reader needs to know who called whom what."""
    value = outcome.value
    answer = value.get("output") if value is not None else None
    if value is None or not isinstance(answer, dict):
        return outcome
    return replace(outcome, value={**value, "output": _KEEPS[str(action.output)](state, action, answer)})


def _turn(state: DebateState, action: Call, answer: JsonObject) -> JsonObject:
    turn, seat = TurnForm.model_validate({**answer, "pass": answer["is_pass"]}), _seat(action)
    called = _seats(state, seat)
    answered = action.recipe.get("answers")
    opponent = [state.statements[answered - 1].seat] if isinstance(answered, int) else []
    named = [called[_bare(alias)] for alias in turn.responds_to if _bare(alias) in called]
    responds_to: list[Json] = [*dict.fromkeys([*opponent, *named])]
    evidence: list[Json] = [*dict.fromkeys(id.strip(" []") for id in turn.evidence if id.strip(" []"))]
    return {
        "text": "" if turn.is_pass else by_seat(state, seat, turn.text),
        "position": _option(state, turn.position),
        "confidence": turn.confidence,
        "responds_to": [] if turn.is_pass or action.recipe.get("type") == "opening" else responds_to,
        "evidence": evidence,
        "changed_because": by_seat(state, seat, turn.changed_because.strip()),
        "is_pass": turn.is_pass,
    }


def _cast(state: DebateState, action: Call, answer: JsonObject) -> JsonObject:
    ballot, called = BallotForm.model_validate(answer), _seats(state, _seat(action))
    agreement: JsonObject = {
        str(called[_bare(alias)]): share for alias, share in ballot.agreement.items() if _bare(alias) in called
    }
    position = _option(state, ballot.position)
    return {"position": position, "confidence": ballot.confidence, "agreement": agreement}


def _choice(state: DebateState, action: Call, answer: JsonObject) -> JsonObject:
    choice = ChoiceForm.model_validate(answer)
    question = by_seat(state, MODERATOR, choice.question.strip())
    return {"seat": _chosen(state, choice.next_alias), "question": question, "end_round": choice.end_round}


def _judgement(state: DebateState, action: Call, answer: JsonObject) -> JsonObject:
    judgement = JudgementForm.model_validate(answer)
    return {
        "position": _option(state, judgement.position),
        "confidence": judgement.confidence,
        "reason": by_seat(state, _seat(action), judgement.reason.strip()),
    }


_KEEPS: dict[str, Callable[[DebateState, Call, JsonObject], JsonObject]] = {
    "turn": _turn,
    "ballot": _cast,
    "choice": _choice,
    "judgement": _judgement,
}


def _option(state: DebateState, label: str) -> str:
    """The option's id where options are closed, else the label. Raises ValueError where it is none of them."""
    if not state.is_closed:
        return label
    option = option_of(state, label)
    if option is None:
        raise ValueError(f"position: choose one of {', '.join(_labels(state))}")
    return option.id


def _labels(state: DebateState) -> list[str]:
    return [option.id for option in state.config.debate_rules.options or ()]


def _choosable(state: DebateState) -> list[str]:
    names = state.aliases_for(MODERATOR)
    return [names[seat] for seat in choosable(state)]


def _chosen(state: DebateState, alias: str) -> int | None:
    seat = _seats(state, MODERATOR).get(_bare(alias))
    return seat if seat in choosable(state) else None


def _seats(state: DebateState, speaker: int) -> dict[str, int]:
    """Whom the speaker calls what."""
    return {_bare(name): seat for seat, name in state.aliases_for(speaker).items()}


def _bare(alias: str) -> str:
    return alias.strip(" @*.:").casefold()


def _seat(action: Call) -> int:
    seat = action.recipe["seat"]
    assert isinstance(seat, int), "the procedure wrote it"
    return seat
