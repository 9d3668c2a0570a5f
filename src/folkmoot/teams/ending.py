"""How runs of teams end, whatever their orchestration: with which status, reason and sentence, results kept."""

from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.runs.journal import End, Fault
from folkmoot.teams.rules import StopReason

SENTENCES: dict[StopReason, str] = {
    "approved": "The reviewer approved the work",
    "delivered": "The work was delivered; the team has no reviewer",
    "rejected": "The reviewer rejected the work",
    "not_approved": "The reviewer did not approve the work within the rounds and revisions allowed",
    "stalled": "The work went in circles: the same results met the same findings, also after a new plan",
    "budget_exhausted": "The budget of the run is used up",
}
GOOD: frozenset[StopReason] = frozenset({"approved", "delivered"})

_FAILED = {
    "call_limit": ("call_limit", "The run made as many calls of language models as one run may"),
    "budget": ("budget_exhausted", SENTENCES["budget_exhausted"]),
}
_TIMEOUT = "The run did not end within its deadline"


def finished(stopped: StopReason, result: JsonObject) -> End:
    is_good = stopped in GOOD
    return End(
        status="completed" if is_good else "failed",
        stop_reason=stopped,
        result=result,
        said=_said(result),
        error_code=None if is_good else stopped,
        error_message=None if is_good else SENTENCES[stopped],
    )


def failed(fault: Fault, result: JsonObject) -> End:
    return End(
        status="failed",
        stop_reason=fault.code,
        result=result,
        said=_said(result),
        error_code=fault.code,
        error_message=fault.sentence,
    )


def called_off(reason: str, result: JsonObject) -> End:
    """Somebody decided that the run shall not go on, or nobody decided in time that it shall."""
    return End(status="cancelled", stop_reason=reason, result=result, said=_said(result))


def settled(reason: str, result: JsonObject) -> End:
    """Ended from outside; `reason` is one of the settlements."""
    if reason == "timeout":
        return End(
            status="timeout",
            stop_reason=reason,
            result=result,
            said=_said(result),
            error_code=reason,
            error_message=_TIMEOUT,
        )
    if reason in _FAILED:
        code, sentence = _FAILED[reason]
        return failed(Fault(code=code, sentence=sentence), result)
    return called_off(reason, result)


def stop_reason_of(reason: str) -> str:
    """What a run that is settled for this reason has as its stop_reason."""
    return _FAILED[reason][0] if reason in _FAILED else reason


def _said(result: JsonObject) -> str:
    """The report in a result, whole."""
    return dumps([result.get("summary"), result.get("deliverables"), result.get("open_issues")])
