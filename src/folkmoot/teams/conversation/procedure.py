"""A conversation as a pure reducer: one speaks after the other until it is done, then review and summary."""

from collections.abc import Iterator
from dataclasses import replace

from folkmoot.agents.turn import Turn
from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.events import Progress
from folkmoot.runs.journal import Action, End, Entry, Settlement, fault_of, is_closing
from folkmoot.teams.answers import form_in, read
from folkmoot.teams.approvals import review_question, verdict_of
from folkmoot.teams.conversation.outcome import artifacts, percent, result, template
from folkmoot.teams.conversation.rules import Choice, Remark, fallback, others
from folkmoot.teams.conversation.state import Statement, TalkState, fingerprint_of, turn_of
from folkmoot.teams.ending import called_off, failed, finished, settled, stop_reason_of
from folkmoot.teams.events import AnalysisStarted
from folkmoot.teams.given import TeamInput, form_call
from folkmoot.teams.metrics import added, total
from folkmoot.teams.rules import Standing, Summary, Verdict, after_review
from folkmoot.teams.team import Person

SUMMARY = "summary"


class TalkProcedure:
    """round_robin, selector, handoff and supervisor: they differ in who speaks next, and in when enough is said."""

    def begin(self, entry: Entry) -> TalkState:
        given = TeamInput.model_validate(entry.data["input"])
        return TalkState(given=given, began_at=entry.at, last_at=entry.at)

    def apply(self, state: TalkState, entry: Entry) -> TalkState:
        if entry.kind == "ended":
            return replace(state, is_over=True)
        if state.is_over or _end(state) is not None:
            return state
        if is_closing(entry) and state.statements and state.stopped is None:
            return replace(state, stopped="budget_exhausted")
        if entry.kind != "done":
            return state
        taken = _take(state, entry)
        if taken is state:
            return state
        spent = added(state.spent, (_phase(entry.key), _role(state, entry.key)), entry)
        return replace(taken, last_at=max(state.last_at, entry.at), spent=spent)

    def wanted(self, state: TalkState) -> tuple[Action, ...]:
        if state.is_over:
            return ()
        if (end := _end(state)) is not None:
            return (end,)
        lead = state.given.team.lead.slug
        if state.stopped is not None:
            return (form_call(state.given, lead, SUMMARY, "summary"),)
        if state.is_ready:
            return (_review(state),)
        if state.speaker is None:
            return (form_call(state.given, lead, _choice_key(state), "choice"),)
        return turn_of(state).wanted()

    def facts(self, state: TalkState, entry: Entry) -> tuple[Fact, ...]:
        team = state.given.team
        if entry.kind == "begun":
            return (AnalysisStarted(team=team.slug, speaker=team.lead.name),)
        if entry.kind != "done" or not _is_news(state, entry.key):
            return ()
        spent = total(state.spent.values())
        told = Progress(
            step=len(state.statements),
            total_steps=state.turn_limit,
            current_phase=_phase(entry.key),
            progress_percent=percent(state),
            speaker=team.name_of(_role(state, entry.key)),
            tokens=spent.tokens,
            cost_usd=spent.cost_usd,
        )
        return (told,)

    def settle(self, state: TalkState, reason: Settlement) -> End:
        """What was approved is complete, also where no call is left for its summary."""
        if reason in ("call_limit", "budget") and state.stopped is not None:
            return finished(state.stopped, result(state, state.stopped, template(state)))
        return settled(reason, result(state, stop_reason_of(reason), template(state)))


def _end(state: TalkState) -> End | None:
    if state.fault is not None:
        return failed(state.fault, result(state, state.fault.code, template(state)))
    if state.called_off is not None:
        return called_off(state.called_off, result(state, state.called_off, template(state)))
    if state.summary is not None and state.stopped is not None:
        return finished(state.stopped, result(state, state.stopped, state.summary))
    return None


def _review(state: TalkState) -> Action:
    reviewer = state.given.team.reviewer
    assert reviewer is not None, "asked for only where there is one"
    if not isinstance(reviewer, Person):
        return form_call(state.given, reviewer.slug, _review_key(state), "verdict")
    detail: JsonObject = {"round": state.round, "artifacts": artifacts(state)}
    return review_question(_review_key(state), detail)


def _take(state: TalkState, entry: Entry) -> TalkState:
    """The state with an entry in it; the same object where nothing waits for that key."""
    if state.stopped is not None:
        return replace(state, summary=form_in(entry, Summary) or template(state)) if entry.key == SUMMARY else state
    if state.is_ready:
        return _reviewed(state, entry) if entry.key == _review_key(state) else state
    if state.speaker is None:
        return _chosen(state, entry) if entry.key == _choice_key(state) else state
    return _spoken(state, entry)


def _chosen(state: TalkState, entry: Entry) -> TalkState:
    """The moderator's choice, or what stands in for one that nobody can follow."""
    if (fault := fault_of(entry)) is not None:
        return replace(state, fault=fault)
    counted = replace(state, choices=state.choices + 1)
    choice, spoken = form_in(entry, Choice), [statement.speaker for statement in state.statements]
    if choice is not None and choice.finish and state.in_round:
        return _over(counted)
    allowed = others(state.slugs, spoken[-1] if spoken else None)
    is_possible = choice is not None and not choice.finish and choice.next in allowed
    return replace(counted, chosen=choice.next if choice and is_possible else fallback(state.slugs, spoken))


def _spoken(state: TalkState, entry: Entry) -> TalkState:
    """What the speaker's turn brings; a turn that is over is a statement."""
    turn = turn_of(state)
    after = turn.apply(entry)
    if after is turn:
        return state
    value = entry.data.get("value")
    told = value if isinstance(value, dict) else {}
    handed_out = len([*_ways(told, "spawn")])
    spoken = replace(state, turn=after, delegations=state.delegations + handed_out)
    match next(_ways(told, "handoff"), None):
        case {"to": str(to), "message": str(note)} if to in state.slugs:
            return _said(spoken, _statement(spoken, after, to, note))
    if after.fault is not None:
        return replace(spoken, fault=after.fault)
    return _said(spoken, _statement(spoken, after)) if after.is_over else spoken


def _ways(value: JsonObject, how: str) -> Iterator[JsonObject]:
    """Of an answer's tool calls those that were decided to be dealt with like this."""
    ways = value.get("ways")
    for way in ways if isinstance(ways, list) else []:
        if isinstance(way, dict) and way.get("how") == how:
            yield way


def _statement(state: TalkState, turn: Turn, passed_to: str | None = None, note: str = "") -> Statement:
    remark = read(turn.output, Remark)
    return Statement(
        number=len(state.statements) + 1,
        round=state.round,
        speaker=turn.plan.role,
        text=remark.text if remark else turn.answers[-1].text,
        is_content=remark.finish if remark else False,
        passed_to=passed_to,
        note=note,
    )


def _said(state: TalkState, statement: Statement) -> TalkState:
    """The statement stands, and the word goes on: to whom is a matter of the orchestration."""
    said = replace(state, statements=(*state.statements, statement), turn=None, chosen=statement.passed_to)
    if said.is_spoken_out:
        return _over(said)
    match state.given.team.orchestration:
        case "round_robin" if len(said.in_round) < len(said.speakers):
            return said
        case "round_robin" if not all(each.is_content for each in said.in_round):
            return replace(said, round=said.round + 1)
        case "selector":
            return said
        case "handoff" if statement.passed_to is not None:
            return said
        case _:
            return _over(said)


def _over(state: TalkState) -> TalkState:
    """Enough is said: for the reviewer, where there is one."""
    over = replace(state, turn=None, chosen=None)
    return replace(over, stopped="delivered") if state.given.team.reviewer is None else replace(over, is_ready=True)


def _reviewed(state: TalkState, entry: Entry) -> TalkState:
    if (fault := fault_of(entry)) is not None:
        return replace(state, fault=fault)
    if isinstance(state.given.team.reviewer, Person):
        verdict = verdict_of(entry.data.get("value"), state.latest)
        if verdict is None:
            return replace(state, called_off="approval_expired")
    else:
        verdict = form_in(entry, Verdict)
    return _judged(state, verdict)


def _judged(state: TalkState, verdict: Verdict | None) -> TalkState:
    """After changes are required there is another round; a verdict nobody can read is asked for once more."""
    print_now = fingerprint_of(state, verdict) if verdict is not None else None
    standing = Standing(
        rounds=state.given.max_rounds if state.is_spoken_out and verdict is not None else state.round,
        round_limit=state.given.max_rounds,
        revisions=state.revisions,
        max_revisions=state.given.max_revision_rounds,
        is_stalled=print_now is not None and print_now == state.fingerprint_before,
        has_replanned=True,
    )
    judged = replace(state, verdicts=(*state.verdicts, verdict), fingerprint_before=print_now)
    move = after_review(verdict, standing)
    if move == "revise" or move == "replan":  # noqa: PLR1714 the type is narrowed by these only
        return replace(judged, round=state.round + 1, is_ready=verdict is None)
    return replace(judged, stopped=move)


def _choice_key(state: TalkState) -> str:
    return f"c{state.choices + 1}"


def _review_key(state: TalkState) -> str:
    return f"v{len(state.verdicts) + 1}"


def _phase(key: str) -> str:
    """Of a key that was taken in."""
    return "summary" if key == SUMMARY else {"c": "choice", "v": "review"}.get(key[:1], "work")


def _role(state: TalkState, key: str) -> str:
    """Who acts under a key that was taken in; `state` may hold it already."""
    team = state.given.team
    match _phase(key):
        case "work":
            number = int(key[1:].partition(".")[0])
            done = number <= len(state.statements)
            return state.statements[number - 1].speaker if done else turn_of(state).plan.role
        case "review" if team.reviewer is not None:
            return team.reviewer.slug
        case _:
            return team.lead.slug


def _is_news(state: TalkState, key: str) -> bool:
    """Whether the entry of that key, which the state already holds, brought something to an end."""
    if key == SUMMARY:
        return state.summary is not None
    number = key[1:].partition(".")[0]
    if key[:1] == "v":
        return number == str(len(state.verdicts))
    return key[:1] == "t" and number == str(len(state.statements)) and ".t" not in key
