"""A run under way as a person sees it: who does what, how far it is, what it has cost."""

from folkmoot.cli.screen import Screen, one_line
from folkmoot.cli.text import log_words, plan_lines, progress_words, usage_words, word
from folkmoot.kernel.json import Json, JsonObject


class Progress:
    """Turns frames, log lines and usage into lines of a screen."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self._where = "starting"
        self._usage = ""
        self._speaking: dict[str, int] = {}

    def log(self, line: JsonObject) -> None:
        if line.get("level") != "debug":
            self.screen.say(log_words(line))

    def used(self, usage: Json) -> None:
        self._usage = usage_words(usage)
        self.screen.passing(self._line())

    def event(self, frame: JsonObject) -> None:
        """A fact of the run: one of the log's frames."""
        data = frame.get("data")
        if not isinstance(data, dict):
            return
        match frame.get("event_type"):
            case "progress":
                self._where = progress_words(data)
                self._speaking.clear()
                self.screen.status(self._line())
            case "analysis_start":
                self._where = f"analysis by {word(data.get('speaker'))}"
                self.screen.status(self._line())
            case "plan_ready":
                for line in plan_lines(data.get("plan")):
                    self.screen.say(line)
            case "run_status_changed":
                self._status(data)

    def live(self, frame: JsonObject) -> None:
        """A model is speaking: shown where there is a terminal to show it on."""
        key = word(frame.get("key"))
        match frame.get("type"):
            case "delta":
                self._speaking[key] = self._speaking.get(key, 0) + len(str(frame.get("text") or ""))
            case "delta_reset":
                self._speaking.pop(key, None)
            case _:
                return
        self.screen.passing(self._line())

    def _status(self, data: JsonObject) -> None:
        waiting_for = data.get("waiting_for")
        if data.get("status") == "pending" and waiting_for not in (None, "start"):
            self.screen.status(f"waiting for {word(waiting_for)}")

    def _line(self) -> str:
        speakers = ", ".join(f"{key} ({size:,} characters)" for key, size in self._speaking.items())
        return one_line("; ".join(part for part in (self._where, speakers, self._usage) if part))
