"""Why a socket is closed: every code with which this server does it, and the reason that goes with it."""

from enum import Enum

from folkmoot.kernel.errors import Problem
from folkmoot.workspaces.stay import End


class Close(Enum):
    """The value is the code; 44xx are our own, the last two digits those of the HTTP status that says the same."""

    DONE = 1000
    GOING_AWAY = 1001
    NOT_TEXT = 1007
    TOO_LARGE = 1009
    BROKEN = 1011
    TRY_AGAIN = 1013
    BAD_FRAME = 4400
    LOGGED_OUT = 4401
    NOT_A_MEMBER = 4403
    GONE = 4404
    TOO_SLOW = 4408
    TOO_MANY = 4429

    @property
    def reason(self) -> str:
        return _REASONS[self]

    @classmethod
    def of_stay(cls, end: End) -> "Close":
        return cls(end.value)

    @classmethod
    def of_problem(cls, problem: Problem) -> "Close":
        """404 is what was followed and is gone; for the rest the client tries again, and is told more then."""
        return cls.GONE if problem.status == 404 else cls.TRY_AGAIN


_REASONS = {
    Close.DONE: "everything was told",
    Close.GOING_AWAY: "the server is going down",
    Close.NOT_TEXT: "text that is not UTF-8",
    Close.TOO_LARGE: "the message is too large",
    Close.BROKEN: "internal server error",
    Close.TRY_AGAIN: "not possible right now, try again",
    Close.BAD_FRAME: "the message cannot be understood",
    Close.LOGGED_OUT: "no longer logged in",
    Close.NOT_A_MEMBER: "no longer a member of the workspace",
    Close.GONE: "what was followed is gone",
    Close.TOO_SLOW: "the handshake took too long",
    Close.TOO_MANY: "too many messages",
}
