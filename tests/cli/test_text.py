"""Every line a person reads, from the JSON the API answers."""

from folkmoot.cli.problems import (
    NOT_COMPLETED,
    USAGE,
    BadUsage,
    ConnectionLost,
    document,
    exit_code,
    refused,
    sentence,
)
from folkmoot.cli.screen import one_line, plain
from folkmoot.cli.text import (
    cost_words,
    duration_words,
    log_words,
    progress_words,
    result_lines,
    status_words,
    usage_words,
)
from folkmoot.kernel.json import JsonObject


def test_usage() -> None:
    usage: JsonObject = {"input_tokens": 1204, "output_tokens": 377, "cost_usd": "0.00420", "model_calls": 3}
    assert usage_words(usage) == "3 calls, 1,204 tokens in, 377 out, $0.0042"
    assert usage_words(None) == "0 calls, 0 tokens in, 0 out, cost unknown"
    assert [cost_words(cost) for cost in (None, "0", "0E-8", "x")] == [
        "cost unknown",
        "no cost",
        "no cost",
        "cost unknown",
    ]


def test_status_and_progress() -> None:
    failed: JsonObject = {"status": "failed", "error_code": "not_approved", "error_message": "Rounds\nused up"}
    assert status_words(failed) == "failed (not_approved): Rounds used up"
    assert status_words({"status": "pending", "waiting_for": "admission"}) == "pending, waiting for admission"
    assert status_words({"status": "completed", "stop_reason": "approved"}) == "completed (approved)"
    told: JsonObject = {"step": 2, "total_steps": 5, "current_phase": "work", "progress_percent": 40.0}
    assert progress_words(told) == "40 % work, step 2 of 5"
    assert duration_words({"duration_seconds": 3.14159}) == "3.1s"
    assert duration_words({"duration_seconds": 124}) == "2m 04s"
    assert duration_words({}) == ""
    line: JsonObject = {"at": "2026-01-02T03:04:05.000Z", "level": "warning", "message": "careful"}
    assert log_words(line) == "03:04:05 warning: careful"


def test_results() -> None:
    run: JsonObject = {
        "results": {
            "summary": "Done.\n",
            "deliverables": ["a.md", {"name": "b.md", "description": "the plan"}],
            "open_issues": [],
        }
    }
    assert result_lines(run) == ["Done.", "", "Deliverables:", "  - a.md", "  - b.md: the plan", ""]
    assert result_lines({"results": None}) == []
    assert result_lines({"results": {"summary": 3, "deliverables": "x"}}) == []


def test_a_models_words_do_not_drive_the_terminal() -> None:
    assert plain("a\x1b]0;title\x07b\x9b2J\u202ec\td\r\ne") == "a]0;titleb2Jc\td\ne"
    assert one_line("a \n b\x00 " + "x" * 400, 10) == "a b xxx..."


def test_problems_become_one_line_and_an_exit_code() -> None:
    told = refused(404, {"detail": "Team not found", "hint": "Teams here: mgx", "code": "no_such_team"})
    assert (sentence(told), exit_code(told)) == ("Team not found. Teams here: mgx", USAGE)
    assert document(told)["code"] == "no_such_team"
    invalid = refused(422, {"detail": "Not valid", "errors": [{"loc": ["body", "name"], "msg": "is blank"}]})
    assert sentence(invalid) == "Not valid: name is blank."
    assert sentence(refused(500, {})) == "The server answered 500."
    assert exit_code(refused(500, {})) == exit_code(refused(409, {})) == exit_code(ConnectionLost()) == NOT_COMPLETED
    assert document(BadUsage("x")) == {"code": "bad_usage", "detail": "x", "error": "x"}
