"""The protocol on Socket.IO, by its rules alone."""

import pytest

from folkmoot.events.frames import Frame
from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.realtime.socketio_protocol import Named, event_packet, failure_of, is_packet, packets_of, told

ADA = Named("a1", 4, "Ada")
NAMES = {"agent_id": 4, "agent_uuid": "a1", "agent_name": "Ada"}


def frame(kind: str, **data: object) -> Frame:
    return Frame(7, kind, {"agent_id": "a1", "run_id": "r1"}, dumps({"event_type": kind, "seq": 7, "data": data}))


@pytest.mark.parametrize("text", ["1", "2probe", "3", "3probe", "5", "6", "40", '40{"token":"t"}', "40/admin,", "41"])
def test_packets_of_the_transport(text: str) -> None:
    assert is_packet(text)


@pytest.mark.parametrize("text", ['42["a"]', '420["a",{}]', '42123456789["a",{"b":[1,"]"]}]', '42["a\\n",null]'])
def test_packets_of_clients(text: str) -> None:
    assert is_packet(text)


@pytest.mark.parametrize(
    "text", ["", "0", "2", "4", "42", "42[]", '42["a"', "42[NaN]", '42["a"]x', '451-["a"]', "43[]", '42["connect"]']
)
def test_what_is_no_packet(text: str) -> None:
    assert not is_packet(text)


def test_a_polling_request_has_at_most_sixteen_packets() -> None:
    assert packets_of("\x1e".join(["3"] * 16)) == ["3"] * 16
    assert packets_of("\x1e".join(["3"] * 17)) is None
    assert packets_of("3\x1ex") is None


@pytest.mark.parametrize(
    ("shown", "said"),
    [("busy", "busy"), ("active", "idle"), ("idle", "idle"), ("error", "error"), ("offline", "offline")],
)
def test_statuses(shown: str, said: str) -> None:
    assert told(frame("agent_status_changed", status=shown), ADA) == ("agent_status", {**NAMES, "status": said})


def test_what_an_agent_says_and_what_it_is_told() -> None:
    message: JsonObject = {
        "id": "m1",
        "text": "Hello",
        "direction": "outbound",
        "run_id": "r1",
        "conversation_id": None,
    }
    said = {**NAMES, "message": "Hello", "sender": "Ada", "message_id": "m1", "run_id": "r1"}
    assert told(frame("agent_message", message=message), ADA) == ("agent_response", said)
    assert told(frame("agent_message", message={**message, "direction": "inbound"}), ADA) is None
    assert told(frame("agent_message", message=message), None) is None


def test_an_event_is_its_frame_as_it_is() -> None:
    event = frame("progress", step=1)
    assert event_packet(event) == f'2["event",{event.text}]'
    assert told(event, ADA) is None


def test_replies_that_do_not_come() -> None:
    assert failure_of(frame("failure", error="No model", code="x")) == {"error": "No model", "run_id": "r1"}
    assert failure_of(frame("cancelled")) == {"error": "The reply was cancelled", "run_id": "r1"}
    assert failure_of(frame("completion")) is None
