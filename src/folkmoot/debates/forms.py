"""What language models fill in in a debate: checked types, because what a model says is not trusted."""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from folkmoot.debates.rules import fold

LABEL_CHARACTERS = 200
TEXT_CHARACTERS = 20_000


def _says_something(label: str) -> str:
    if not fold(label):
        raise ValueError("says nothing")
    return label.strip()


def _or_blank(value: object) -> object:
    """Models write null where there is nothing to say."""
    return "" if value is None else value


def _or_none(value: object) -> object:
    return () if value is None else value


Label = Annotated[str, Field(min_length=1, max_length=LABEL_CHARACTERS), AfterValidator(_says_something)]
Share = Annotated[float, Field(ge=0, le=1)]
Cited = Annotated[str, Field(min_length=1, max_length=200)]
Remark = Annotated[str, Field(max_length=2000), BeforeValidator(_or_blank)]


class Form(BaseModel):
    """Something a language model fills in: unknown members are dropped, what is known is checked."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class TurnForm(Form):
    """One turn: what is said, for which position, and how sure the speaker is of it (0..1)."""

    text: Annotated[str, Field(max_length=TEXT_CHARACTERS)]
    position: Label
    confidence: Share
    responds_to: Annotated[tuple[Cited, ...], Field(max_length=20), BeforeValidator(_or_none)] = ()
    evidence: Annotated[tuple[Cited, ...], Field(max_length=50), BeforeValidator(_or_none)] = ()
    changed_because: Remark = ""
    is_pass: bool = Field(False, alias="pass")


class BallotForm(Form):
    """A secret ballot: the voter's own position, and how far it agrees with each of the others (0..1)."""

    position: Label
    confidence: Share
    agreement: Annotated[dict[str, Share], Field(max_length=50)] = Field(default_factory=dict)


class ChoiceForm(Form):
    """A moderator's choice of who speaks next."""

    next_alias: Annotated[str, Field(max_length=64)]
    question: Remark = ""
    end_round: bool = False


class JudgementForm(Form):
    """A judge's decision."""

    position: Label
    confidence: Share
    reason: Remark = ""


FORMS: Final[dict[str, type[Form]]] = {
    "turn": TurnForm,
    "ballot": BallotForm,
    "choice": ChoiceForm,
    "judgement": JudgementForm,
}
