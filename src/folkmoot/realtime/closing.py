"""Why a socket is closed: every code with which this server does it, and the reason that goes with it."""

from enum import Enum

from folkmoot.kernel.errors import Problem
from folkmoot.workspaces.stay import End


class Close(Enum):
    """Code and reason; 44xx are our own, the last two digits those of the HTTP status that says the same."""

    DONE = (1000, "everything was told")
    GOING_AWAY = (1001, "the server is going down")
    NOT_TEXT = (1007, "text that is not UTF-8")
    TOO_LARGE = (1009, "the message is too large")
    BROKEN = (1011, "internal server error")
    TRY_AGAIN = (1013, "not possible right now, try again")
    BAD_FRAME = (4400, "the message cannot be understood")
    LOGGED_OUT = (4401, "no longer logged in")
    NOT_A_MEMBER = (4403, "no longer a member of the workspace")
    NOT_IN_ROOM = (4403, "no longer in the room")
    GONE = (4404, "what was followed is gone")
    TOO_SLOW = (4408, "the handshake took too long")
    TOO_MANY = (4429, "too many messages")

    @property
    def code(self) -> int:
        return self.value[0]

    @property
    def reason(self) -> str:
        return self.value[1]

    @classmethod
    def of_stay(cls, end: End) -> "Close":
        return _OF_STAYS[end]

    @classmethod
    def of_problem(cls, problem: Problem) -> "Close":
        """404 is what was followed and is gone; for the rest the client tries again, and is told more then."""
        return cls.GONE if problem.status == 404 else cls.TRY_AGAIN


_OF_STAYS = {
    End.LOGGED_OUT: Close.LOGGED_OUT,
    End.NOT_A_MEMBER: Close.NOT_A_MEMBER,
    End.NOT_IN_ROOM: Close.NOT_IN_ROOM,
    End.ROOM_GONE: Close.GONE,
}
