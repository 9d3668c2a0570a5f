"""What a terminal knows of a room, and shows of what happens there: each message once. No connection."""

from collections.abc import Iterable

from folkmoot.cli.chat_face import Face
from folkmoot.cli.room_text import asked_lines, decided_line, step_line, text_of
from folkmoot.cli.text import number, word
from folkmoot.kernel.json import Json, JsonObject


class Scene:
    """`shown` is the seq of the last message that was shown, `speaking` the run of the agent that has the floor."""

    def __init__(self, face: Face) -> None:
        self.shown = 0
        self.speaking: str | None = None
        self.speaker = ""
        self.asked: dict[str, JsonObject] = {}
        self.members: dict[str, JsonObject] = {}
        self._face = face

    def meet(self, members: Iterable[JsonObject]) -> None:
        """Who is in the room."""
        self.members = {word(member.get("member_id")): member for member in members}

    def show(self, message: Json) -> None:
        seq = number(message.get("seq")) if isinstance(message, dict) else 0
        if isinstance(message, dict) and seq > self.shown:
            self.shown = seq
            if self.speaking is not None and message.get("run_id") == self.speaking:
                self._face.speaks(None)
            self._face.said(message)

    def turn(self, room: Json) -> None:
        """Who has the floor; also of that part of a room which may be another after a message."""
        if not isinstance(room, dict) or room.get("speaking_run_id", self.speaking) == self.speaking:
            return
        run_id = room["speaking_run_id"]
        self.speaking = None if run_id is None else str(run_id)
        self.speaker = self._name(room.get("speaking_agent_id"))
        self._face.speaks(None if run_id is None else self.speaker)

    def ask(self, approval: Json) -> None:
        if isinstance(approval, dict) and word(approval.get("id")) not in self.asked:
            self.asked[word(approval.get("id"))] = approval
            self._face.note("\n".join(asked_lines(approval)))

    def decide(self, approval: Json) -> None:
        if isinstance(approval, dict) and self.asked.pop(word(approval.get("id")), None) is not None:
            self._face.note(decided_line(approval))

    def take(self, event: JsonObject) -> bool:
        """Show an event of the room; False where it does not tell what happened, because that was too long."""
        data = event.get("data")
        if not isinstance(data, dict) or data.get("truncated"):
            return False
        match event.get("event_type"):
            case "room_message":
                self.show(data.get("message"))
                self.turn(data.get("room"))
            case "room_step":
                self._face.note(step_line(self._name(event.get("agent_id")), data))
            case "approval_required":
                self.ask(data.get("approval"))
            case "approved" | "rejected":
                self.decide(data.get("approval"))
            case "room_member_joined":
                self._join(data.get("member"))
            case "room_member_left":
                self._face.note(f"{self._name(data.get('member_id'))} has left the room")
            case "resource_changed":
                self._change(data.get("resource"), data.get("view"))
        return True

    def _change(self, resource: Json, view: Json) -> None:
        match resource:
            case "room":
                self.turn(view)
            case "approval":
                self.decide(view)
            case "room_message" if isinstance(view, dict) and (view.get("edited_at") or view.get("deleted_at")):
                which = f"message {number(view.get('seq'))} of {word(view.get('sender_name'))}"
                self._face.note(f"{which} is now: {text_of(view)}")

    def _join(self, member: Json) -> None:
        if isinstance(member, dict):
            self.members[word(member.get("member_id"))] = member
            self._face.note(f"{word(member.get('name'))} is in the room now")

    def _name(self, member_id: Json) -> str:
        member = self.members.get(word(member_id))
        return word(member.get("name")) if member is not None else "somebody"
