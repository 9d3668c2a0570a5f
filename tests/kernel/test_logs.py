"""Log lines: text or JSON, one a record, with the request and the run they are about and no secret."""

import json
import logging
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from folkmoot.kernel.hiding import Hider
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.logs import JsonLines, fielded, log_to_stderr
from folkmoot.kernel.origin import Origin, within
from folkmoot.kernel.settings import Settings

SECRET = "sk-a-key-that-nobody-may-see"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def bare() -> Iterator[None]:
    """As a process begins; the loggers are as before afterwards."""
    logs = [logging.getLogger(name) for name in ("folkmoot", "uvicorn", "asyncio", "opentelemetry")]
    before = [(log, log.level, [*log.handlers]) for log in logs]
    for log in logs:
        log.handlers.clear()
    yield
    for log, level, handlers in before:
        log.setLevel(level)
        log.handlers[:] = handlers


def settings(**given: object) -> Settings:
    return Settings(_env_file=None, openai_api_key=SecretStr(SECRET)).model_copy(update=given)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def objects(capsys: pytest.CaptureFixture[str]) -> list[JsonObject]:
    return [json.loads(line) for line in lines(capsys)]


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(settings(log_format="json"))
    log = logging.getLogger("folkmoot.some.part")
    with within(Origin("request-1", "run-1", TRACE)):
        log.warning("Two\nlines with %s", SECRET)
    try:
        raise ValueError(f"no\n{SECRET}")
    except ValueError:
        log.exception("It failed")
    log.debug("Nobody asked for this")
    first, second = objects(capsys)
    assert str(first.pop("at")).endswith("+00:00")
    assert first == {
        "level": "WARNING",
        "logger": "folkmoot.some.part",
        "message": "Two\nlines with [hidden]",
        "request_id": "request-1",
        "run_id": "run-1",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
    }
    assert "ValueError: no\n[hidden]" in str(second["exception"])
    assert "request_id" not in second


def test_what_is_no_character_is_still_a_line() -> None:
    record = logging.LogRecord("folkmoot", logging.WARNING, "", 1, "Half a \ud800", None, None)
    assert json.loads(JsonLines(Hider([])).format(record))["message"] == "Half a ?"


def test_a_record_may_have_fields_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(settings(log_format="json"))
    logging.getLogger("folkmoot.access").warning("GET / 200", extra=fielded(status=200, path="/", request_id="r"))
    [line] = objects(capsys)
    assert (line["status"], line["path"], line["request_id"]) == (200, "/", "r")


def test_text_is_one_line_with_the_ids_at_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(settings())
    log = logging.getLogger("folkmoot.part")
    with within(Origin("request-1")):
        log.warning("Forged\n2026-11-21 INFO %s", SECRET)
    with within(Origin("request-1", "run-1")):
        log.warning("In a run")
    log.warning("Nowhere")
    assert [line.partition(" folkmoot.part: ")[2] for line in lines(capsys)] == [
        r"Forged\n2026-11-21 INFO [hidden] request=request-1",
        "In a run request=request-1 run=run-1",
        "Nowhere",
    ]


def test_libraries_are_told_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(settings(log_format="json"))
    log_to_stderr(settings(log_format="json"))
    logging.getLogger("uvicorn.error").warning("A connection was bad")
    [line] = objects(capsys)
    assert (line["logger"], line["message"]) == ("uvicorn.error", "A connection was bad")
