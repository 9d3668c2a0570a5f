"""How the practice model reads a prompt: its sections, its passages, and which of its words carry meaning."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from folkmoot.kernel.json import Json, loads
from folkmoot.llm.messages import Message, System, ToolResult, User

# Prompts are written in sections under `## Name`. Only these names begin one, so that the headings of a
# quoted document do not; in one message the first of a name counts.
SECTIONS = frozenset(
    {"task", "roles", "team", "step", "steps", "acceptance", "outputs", "findings", "plan", "options", "question"}
    | {"topic", "problem", "passages", "documents", "files", "sources", "statements", "feedback", "artifacts"}
    | {"context", "errors", "deliverables", "open_issues", "assumptions", "memory", "turns"}
)
_HEADING = re.compile(r"^##\s+([A-Za-z][A-Za-z _-]*?)\s*:?\s*$")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+(.*\S)")
_WORD = re.compile(r"[^\W_][\w'-]{2,}")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?!\[)")  # a citation stays with its sentence
_MARKUP = re.compile(r"^\s*(?:[-*+]\s+|\d+[.)]\s+|>\s*)+")
_NO_PROSE = re.compile(r"^\s*(?:#{1,6}\s|\|)")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_STOP_TEXT = """
the and for are was were not but with from that this these those have has had its his her their our your you can
could will would shall should may might must any all each every some such than then there here what which who whom
whose when where why how into onto over under about also only just very more most other another same does did doing
done been being they them she him one two per via out use used using within without please let make give tell show
file files it's what's
"""
_STOP = frozenset(_STOP_TEXT.split())
_OWN_WORDS = re.compile(
    r"\[practice model\]|^(?:Accepted by|Changed after review|No source speaks|Has (?:its|no) source)"
)
_CITED = re.compile(r"(.*\S)\s*\[([\w.:-]{1,64})\]$")
_FENCED = re.compile(r'<passage id="([^"]*)"[^>]*>\n(.*?)\n</passage>', re.DOTALL)
_MAX_SENTENCES = 2_000
_READ = 200_000
_SHORTEST, _LONGEST = 15, 400


@dataclass(frozen=True, slots=True)
class Sentence:
    text: str
    passage_id: str | None = None

    @property
    def cited(self) -> str:
        return f"{self.text} [{self.passage_id}]" if self.passage_id else self.text

    @classmethod
    def read(cls, text: str) -> "Sentence":
        """A sentence with the citation it may end with."""
        found = _CITED.match(text)
        return cls(found.group(1), found.group(2)) if found else cls(text)


@dataclass(frozen=True)
class Prompt:
    """What was asked. `question` is the last thing a person said, `persona` the system text."""

    persona: str
    question: str
    sections: dict[str, str]
    passages: tuple[tuple[str, str], ...]
    results: tuple[str, ...]
    has_results: bool

    @cached_property
    def subject(self) -> str:
        """What an answer is about: the step, else the question or task."""
        for name in ("step", "question", "topic", "task", "problem"):
            if self.sections.get(name):
                return self.sections[name]
        return self.question

    @cached_property
    def task(self) -> str:
        return self.sections.get("task") or self.subject

    def items(self, name: str) -> list[str]:
        """The lines of a section: its list items where it has some, else its non-empty lines."""
        lines = self.sections.get(name, "").splitlines()
        items = [found.group(1) for line in lines if (found := _ITEM.match(line))]
        return items or [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]

    def sentences(self) -> list[Sentence]:
        """What can be quoted, most trustworthy first: passages, other tool results, what others delivered."""
        found = [Sentence(text, passage_id) for passage_id, body in self.passages for text in sentences_of(body)]
        found.extend(Sentence(text) for body in self.results for text in sentences_of(body))
        for name in ("passages", "documents", "sources", "context", "outputs"):
            found.extend(map(Sentence.read, sentences_of(self.sections.get(name, ""))))
        return found[:_MAX_SENTENCES]


def read_prompt(messages: Iterable[Message]) -> Prompt:
    persona: list[str] = []
    sections: dict[str, str] = {}
    question, results, has_results = "", [], False
    for message in messages:
        match message:
            case System(text=text):
                persona.append(text)
            case User(text=text):
                plain, found = split_sections(text)
                sections |= found
                if "errors" not in found:
                    question = plain.strip() or found.get("task") or found.get("question") or question
                has_results = False
            case ToolResult(text=text):
                has_results = True
                results.append(text)
            case _:
                pass
    passages = {found[1]: found[2] for found in _FENCED.finditer(sections.get("passages", ""))}
    if passages:
        sections["passages"] = ""
    others: list[str] = []
    for result in results:
        found_passages = _passages(result)
        passages |= found_passages
        if not found_passages and (text := _told(result)):
            others.append(text)
    return Prompt("\n\n".join(persona), question, sections, tuple(passages.items()), tuple(others), has_results)


def split_sections(text: str) -> tuple[str, dict[str, str]]:
    """The text outside of known sections, and the sections by lower-case name."""
    outside: list[str] = []
    sections: dict[str, list[str]] = {}
    into = outside
    for line in text.splitlines():
        heading = _HEADING.match(line)
        name = heading.group(1).lower().replace(" ", "_") if heading else ""
        if name in SECTIONS and name not in sections:
            into = sections.setdefault(name, [])
        else:
            into.append(line)
    return "\n".join(outside), {name: "\n".join(lines).strip() for name, lines in sections.items()}


def sentences_of(text: str) -> Iterator[str]:
    """What reads as a sentence: no headings, tables or code; lines that were wrapped are whole again."""
    for block in _blocks(text):
        for piece in _SENTENCE_END.split(_LINK.sub(r"\1", block)):
            sentence = " ".join(piece.split())
            if _SHORTEST <= len(sentence) <= _LONGEST and " " in sentence and not _OWN_WORDS.search(sentence):
                yield sentence


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs and list items without their marks."""
    block: list[str] = []
    is_code = False
    for line in (*text[:_READ].splitlines(), ""):
        is_fence = line.lstrip().startswith("```")
        is_code ^= is_fence
        is_break = is_fence or is_code or not line.strip() or _NO_PROSE.match(line) is not None
        if (is_break or _MARKUP.match(line)) and block:
            yield " ".join(block)
            block = []
        if not is_break:
            block.append(_MARKUP.sub("", line).strip())


def keywords(text: str) -> list[str]:
    """Its meaningful words in lower case, in order, each once."""
    return list(dict.fromkeys(word for word in _WORD.findall(text[:20_000].lower()) if word not in _STOP))


def stems(text: str) -> set[str]:
    """Keywords cut to a crude stem, so that `crashes` meets `crash`."""
    return {_stem(word) for word in keywords(text)}


def best_sentences(sentences: list[Sentence], about: str, count: int) -> list[Sentence]:
    """Those that share most with `about`, rare words weighing more, in their own order; at least one word."""
    wanted = stems(about)
    of = [stems(sentence.text) & wanted for sentence in sentences]
    frequency = Counter(stem for found in of for stem in found)
    scored = [(sum(1 / (1 + frequency[stem]) + 0.5 for stem in found), -n) for n, found in enumerate(of) if found]
    chosen: dict[str, int] = {}
    for _, negative in sorted(scored, reverse=True):
        text = sentences[-negative].text.lower()
        if not any(text in other for other in chosen):
            chosen[text] = -negative
        if len(chosen) == count:
            break
    return [sentences[n] for n in sorted(chosen.values())]


def _stem(word: str) -> str:
    for ending in (
        "ingly",
        "ations",
        "ation",
        "ingness",
        "ises",
        "izes",
        "ing",
        "ies",
        "es",
        "ed",
        "s",
        "e",
        "y",
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _told(result: str) -> str:
    """The text of a tool's result: itself, or the answer in it that other agents gave."""
    if not result.lstrip().startswith(("{", "[")):
        return result
    try:
        value: Json = loads(result)
    except ValueError:
        return ""
    match value:
        case {"result": {"response": str(response)}}:
            return response
        case {"result": {"agent": dict(), "message": str(message)}}:
            return f"The agent is made: {message}."
        case _:
            return ""


def _passages(result: str) -> dict[str, str]:
    try:
        value: Json = loads(result)
    except ValueError:
        return {}
    listed = value.get("passages") if isinstance(value, dict) else None
    found: dict[str, str] = {}
    for passage in listed if isinstance(listed, list) else []:
        match passage:
            case {"id": str(passage_id), "text": str(text)}:
                found[passage_id] = text
            case _:
                pass
    return found
