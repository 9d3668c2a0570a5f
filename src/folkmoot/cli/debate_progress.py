"""A debate under way as a person sees it: statements when they are published, the consensus after each round."""

from folkmoot.cli.debate_text import round_line, statement_lines
from folkmoot.cli.progress import Progress
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import word
from folkmoot.kernel.json import JsonObject


class DebateProgress(Progress):
    """Turns a debate's events into lines of a screen; its log would say the same again."""

    def __init__(self, screen: Screen, threshold: float) -> None:
        super().__init__(screen)
        self._threshold = threshold

    def log(self, line: JsonObject) -> None:
        """Faults only."""
        if line.get("level") in ("warning", "error"):
            super().log(line)

    def event(self, frame: JsonObject) -> None:
        data = frame.get("data")
        if not isinstance(data, dict):
            return
        match frame.get("event_type"):
            case "argument_made":
                statement = data.get("statement")
                for line in statement_lines(statement) if isinstance(statement, dict) else ():
                    self.screen.say(line)
            case "round_completed":
                scores = data.get("scores")
                if isinstance(scores, dict):
                    self.screen.say(round_line(scores, self._threshold))
            case "consensus_reached":
                self.screen.say(f"consensus: {word(data.get('leader') or 'all agree')}")
            case "turn_started":
                self.screen.status(f"{word(data.get('kind'))}, round {data.get('round')}")
            case _:
                super().event(frame)
