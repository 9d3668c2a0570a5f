"""Reports for people: whole, true to the JSON, and nothing an agent wrote is markup."""

import re
from html.parser import HTMLParser

from folkmoot.debates.example import REPORT
from folkmoot.debates.markdown import markdown
from folkmoot.debates.page import POLICY, page
from folkmoot.debates.reading import Report
from folkmoot.debates.report import report_hash
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.runs.journal import Entry
from tests.debates.play import AT, PROCEDURE, Play, ballot, debate_input, holding, scripted, turn

EVIL = "<script>alert(1)</script> ![x](http://evil.example/) | **bold**\n# Head"


def read(play: Play) -> Report:
    return Report.model_validate(play.report(play.run()))


def divided() -> Report:
    script = {"r2.i1.s3": turn("A", 0.9, text=EVIL, changed_because=EVIL), "r1.i1.s2": turn("B", text=EVIL)}
    script |= {"r2.b3": ballot("A"), "r3.b3": ballot("A")}
    return read(Play(scripted(script, holding("A", "B", "C")), debate_input(3, max_rounds=3)))


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.wrong: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.wrong += [name for name, _ in attrs if name.startswith("on") or name in ("style", "href", "src")]
        if tag not in ("meta", "line", "polyline"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_alone_and_agents_write_text_only() -> None:
    text = page(divided())
    tags = Tags(text)
    assert (tags.open, tags.wrong) == ([], [])
    assert not tags.seen & {"script", "img", "link", "iframe", "a", "form"}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert re.search(r"style-src 'sha256-[A-Za-z0-9+/]{43}='", POLICY)
    assert {"svg", "polyline", "path"} <= tags.seen


def test_the_page_shows_the_curve_and_every_statement() -> None:
    report = divided()
    text = page(report)
    assert text.count('class="mark"') == len(report.rounds)
    assert text.count('class="said"') == len(report.transcript)
    assert text.count('class="dot') == len(report.participants) * (len(report.rounds) + 1)
    assert report.hash in text


def test_markdown_quotes_what_agents_wrote() -> None:
    text = markdown(divided())
    assert "<script>" not in text
    assert "![x]" not in text
    quoted = r"> \<script\>alert\(1\)\</script\> \!\[x\]\(http://evil.example/\) \| \*\*bold\*\*"
    assert quoted in text.splitlines(), "nothing of it is lost"
    assert [line for line in text.splitlines() if line.startswith("# ")] == ["# Which one?"]
    assert "## Who moved" in text
    assert "## Dissent" in text


def part(value: Json) -> JsonObject:
    """An object, or a list's first."""
    found = value[0] if isinstance(value, list) else value
    assert isinstance(found, dict)
    return found


def test_the_example_in_the_description_of_the_api_is_such_a_report() -> None:
    play = Play(holding("A", "B", "C"), debate_input(3))
    made = play.report(play.run())
    assert REPORT.keys() == made.keys()
    for name in ("config", "decision", "votes", "usage", "rounds", "participants", "transcript"):
        assert part(REPORT[name]).keys() == part(made[name]).keys(), name
    assert REPORT["hash"] == report_hash(REPORT)
    assert "One process serves them all" in page(Report.model_validate(REPORT))


def test_a_debate_that_was_stopped_at_once_has_a_report() -> None:
    play = Play(holding("A", "B", "C"), debate_input(3))
    play.state = PROCEDURE.begin(Entry(1, AT, "begun", "begun", {"input": play.given, "seed": "s", "version": 1}))
    report = Report.model_validate(play.report(PROCEDURE.settle(play.state, "cancelled")))
    assert "<svg" not in page(report)
    assert markdown(report).startswith("# Which one?")
