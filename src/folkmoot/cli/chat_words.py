"""What is typed in a chat: said in the room, or carried out where it begins with a slash."""

import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from folkmoot.cli.chat_face import Face
from folkmoot.cli.chat_line import Left
from folkmoot.cli.chat_room import ChatRoom
from folkmoot.cli.client import Client
from folkmoot.cli.problems import BadUsage, sentence
from folkmoot.cli.room_files import file_at
from folkmoot.cli.room_text import member_line, present
from folkmoot.cli.text import word
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import JsonObject

HELP = """\
@slug            call upon an agent; Tab completes it
/task TEXT       have the default team do something, and report here
/debate TEXT     have the agents of the room debate something
/attach PATH     bring a file, for all who are here and for its agents
/approve [TEXT]  agree to what an agent asks
/reject [TEXT]   do not; by the text it tries again, where it may
/stop            cut off the agent that is about to speak
/who             who is in the room
/quit            leave, as do Ctrl-D and Ctrl-C on an empty line"""

_COMMAND = re.compile(r"/([a-z][\w-]*)(?:\s+(.*))?", re.DOTALL)
_SAID = ("task", "debate")
"""What the server takes for a command is said as it is."""


class Talk:
    """One person's, or one script's, side of a chat."""

    def __init__(self, client: Client, room: ChatRoom, face: Face, *, is_patient: bool = False) -> None:
        self._client, self._room, self._face = client, room, face
        self._is_patient = is_patient
        self._commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "attach": self._attach,
            "approve": self._approve,
            "reject": self._reject,
            "stop": self._stop,
            "who": self._tell_who,
            "help": self._help,
        }

    async def converse(self) -> None:
        """Until it is left. At a terminal what goes wrong is told; raises it in a script."""
        while isinstance(typed := await self._face.typed.get(), str) and typed.strip() != "/quit":
            try:
                await self._take(typed)
            except Problem as problem:
                if not self._face.is_lively:
                    raise
                self._face.note(sentence(problem))
        if typed is Left.END and not self._face.is_lively:
            await self._room.until_quiet()

    def words(self, begun: str) -> Sequence[str]:
        """What a word may become that was begun with @ or a slash."""
        if begun.startswith("/"):
            return [f"/{name}" for name in (*self._commands, *_SAID, "quit")]
        return [f"@{word(member['slug'])}" for member in self._room.scene.members.values() if member.get("slug")]

    async def _take(self, typed: str) -> None:
        found = _COMMAND.fullmatch(typed)
        if found is not None and found[1] not in _SAID:
            if found[1] not in self._commands:
                raise BadUsage(f"There is no /{found[1]}; /help says what there is. To say it, begin with a space")
            await self._commands[found[1]]((found[2] or "").strip())
            return
        await self._say(typed)

    async def _say(self, text: str, *attached: str) -> None:
        if self._is_patient:
            await self._room.until_quiet()
        await self._room.say(text, *attached)

    async def _attach(self, text: str) -> None:
        """Raises BadUsage."""
        if not text:
            raise BadUsage("Say which file: /attach PATH")
        paper = file_at(Path(text))
        self._face.note(f"attaching {word(paper.title)}")
        await self._say("", await self._room.attach(paper))

    async def _approve(self, text: str) -> None:
        await self._resolve({"decision": "approve"}, text)

    async def _reject(self, text: str) -> None:
        await self._resolve({"decision": "reject"}, text)

    async def _resolve(self, decision: JsonObject, text: str) -> None:
        """Of several things that are asked, the last one. A script waits until something is."""
        if not self._face.is_lively:
            await self._room.until_quiet()
        approval = next(reversed(self._room.scene.asked.values()), None)
        if approval is None:
            raise BadUsage("Nothing waits for a decision in this room")
        if text:
            is_again = decision["decision"] == "reject" and approval.get("may_revise") is True
            decision = {**decision, "feedback": text, "revise": is_again}
        self._room.scene.decide(await self._client.post(f"/api/approvals/{approval['id']}/resolve", decision))

    async def _stop(self, _: str) -> None:
        await self._client.post(f"{self._room.path}/stop")

    async def _tell_who(self, _: str) -> None:
        members = await self._room.meet()
        does = present(await self._client.get(f"{self._room.path}/presence"))
        self._face.note("\n".join(member_line(one, does.get(word(one.get("member_id")), "")) for one in members))

    async def _help(self, _: str) -> None:
        self._face.note(HELP)
