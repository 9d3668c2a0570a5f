"""What the practice model has to say: the work itself out of passages, plans, verdicts, positions."""

import re
from collections.abc import Sequence
from hashlib import sha256

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.llm.practice.prompt import Prompt, Sentence, best_sentences, keywords, stems
from folkmoot.llm.practice.schema import Material

MARK = "[practice model]"
REAL_MODEL = "set OPENAI_API_KEY, OPENAI_BASE_URL, GOOGLE_API_KEY or OLLAMA_HOST (and DEFAULT_MODEL) for a real one"
_MAX_QUOTED = 5
_MAX_WORK_STEPS = 4
_COVERED = 0.5  # share of an acceptance line's key words that the delivered text has to name
_ORDERS = frozenset(
    {"summarise", "summarize", "write", "explain", "describe", "list", "find", "build", "create", "compare"}
    | {"source", "sources", "cite"}
)
_SPLIT = re.compile(r"(?<=[.;!?])\s+|\n+|,?\s+(?:and then|then|and also)\s+")
_LABEL = re.compile(r"^\[?([A-Za-z0-9][\w-]{0,39})\]?\s*[:.)]\s+(.*\S)")
_STEP_ID = re.compile(r"(?i)\bstep\s+`?([A-Za-z0-9][\w-]{0,39})|^#{2,4}\s+\[?([A-Za-z0-9][\w-]{0,39})\]?(?=\W|$)", re.M)
_ASKED = re.compile(r"(?m)^(Role|Capabilities|Reason|Name): (.+)$")
_TOOL = re.compile(r"(?m)^- (\w+):")
_ALIAS = re.compile(r"(?m)^\s*(?:[-*]|#{2,4})?\s*\**([A-J])\**\s*(?:[:.)(]|$)(.*)")


def material(prompt: Prompt) -> Material:
    """What any schema can be filled with."""
    task = prompt.task or prompt.question
    phrases = [_short(clause) for clause in _clauses(prompt.subject or task)]
    names = ("deliverables", "open_issues", "assumptions", "artifacts", "options", "sources")
    return Material(
        body=work(prompt),
        phrases=phrases or keywords(task)[:5] or ["practice"],
        lists={name: prompt.items(name) for name in names if prompt.items(name)},
    )


def work(prompt: Prompt) -> str:
    """The answer or a step's output: the best sentences with their passages, by what was asked for."""
    quoted = _quoted(prompt)
    if not quoted:
        return _without_sources(prompt)
    title = _title(prompt)
    lines = [f"{MARK} {title}", "", *(_quote(sentence, is_check=title.startswith("Check")) for sentence in quoted)]
    return "\n".join([*lines, "", *_notes(prompt, quoted)]).rstrip()


def plan(prompt: Prompt) -> JsonObject:
    """Find what is known, do each part of the task, check it: given to the roles that fit, in this order."""
    roles = _roles(prompt)
    worker = _role_for(roles, r"engineer|develop|build|writ|work|research") or (roles[0] if roles else "engineer")
    checker = _role_for(roles, r"test|check|qa|verif") or worker
    task = _short(_plain(prompt.task)) or "the task"
    words = ", ".join(word for word in keywords(prompt.task)[:12] if word not in _ORDERS) or task
    steps: list[Json] = [
        _step("s1", f"Gather what bears on: {task}", worker, [], f"Names what the sources say about {words}.")
    ]
    parts = _clauses(prompt.task)[:_MAX_WORK_STEPS] or [task]
    for number, part in enumerate(parts, 2):
        line = f"Covers {', '.join(keywords(part)[:8]) or part}."
        steps.append(_step(f"s{number}", _short(part), worker, ["s1"], line))
    made: list[Json] = [f"s{number}" for number in range(2, len(parts) + 2)]
    last = len(parts) + 2
    steps.append(_step(f"s{last}", f"Check the result of: {task}", checker, made, f"Says for {words} what holds."))
    size = "XS" if len(parts) == 1 and not prompt.sections.get("documents") else "S" if len(parts) < 3 else "M"
    return {
        "complexity": size,
        "steps": steps,
        "assumptions": [f"{MARK} Planned from the words of the task alone; no language model read it."],
    }


def verdict(prompt: Prompt) -> JsonObject:
    """Approval if each acceptance line is met by what was delivered, else a finding per line that is not."""
    delivered = prompt.sections.get("outputs") or prompt.sections.get("deliverables", "")
    findings: list[Json] = []
    shares: list[float] = []
    for step_id, line in _acceptance(prompt):
        wanted = stems(line)
        met = wanted & stems(_output_of(delivered, step_id))
        share = len(met) / len(wanted) if wanted else 1.0
        shares.append(share)
        if share < _COVERED:
            missing = ", ".join(word for word in keywords(line) if not stems(word) & met)
            note = f"{MARK} Not covered: {missing} (accepted by: {line})"
            findings.append({"step_id": step_id, "severity": "high", "note": note[:1000], "must_fix": True})
    if not delivered.strip():
        shares.append(0.0)
    decision = "approve" if not findings and delivered.strip() else "changes_required"
    confidence = round(sum(shares) / len(shares), 2) if shares else 0.5
    return {"decision": decision, "findings": findings, "confidence": confidence, "summary": work(prompt)}


def summary(prompt: Prompt) -> JsonObject:
    """The result of the steps' outputs, what was made, and what the last findings leave open."""
    made = prompt.items("artifacts") or [title for _, title in _headings(prompt.sections.get("outputs", ""))]
    return {
        "summary": work(prompt),
        "deliverables": [*made[:50]],
        "open_issues": [*prompt.items("open_issues"), *(_plain(note) for note in prompt.items("findings"))],
    }


def position(prompt: Prompt, options: Sequence[str]) -> JsonObject:
    """A stand: the option the prompt's words favour, even ones settled by a hash of the prompt."""
    offered = [_LABEL.sub(r"\1", option).strip(" *`") for option in options or prompt.items("options")]
    texts = dict(zip(offered, options or prompt.items("options"), strict=True))
    known = stems("\n".join([prompt.persona, prompt.task, prompt.sections.get("context", "")]))
    ranked = sorted(offered, key=lambda name: (-len(stems(texts[name]) & known), _digest(prompt.persona + name)))
    chosen = ranked[0] if ranked else _short(_plain(prompt.task)) or "undecided"
    agreement: JsonObject = {
        alias: 1.0 if chosen.lower() in said.lower() else 0.3
        for alias, said in _ALIAS.findall(prompt.sections.get("statements", ""))
    }
    cited = [sentence.passage_id for sentence in _quoted(prompt) if sentence.passage_id]
    share = len(stems(texts.get(chosen, chosen)) & known) / max(len(stems(texts.get(chosen, chosen))), 1)
    return {
        "text": work(prompt),
        "position": chosen,
        "confidence": round(0.5 + 0.4 * min(share, 1.0), 2),
        "agreement": agreement,
        "evidence": [*dict.fromkeys(cited)],
        "changed_because": "",
        "pass": False,
    }


def research(prompt: Prompt) -> JsonObject:
    """What the passages say of the question, each sentence with the id of its passage."""
    cited = [sentence.passage_id for sentence in _quoted(prompt) if sentence.passage_id]
    return {"topic": _title(prompt), "summary": work(prompt), "citations": [*dict.fromkeys(cited)], "sources": []}


def agent_spec(prompt: Prompt) -> JsonObject:
    """An agent out of the words it was asked for with, and the tool that finds sources where there is one."""
    asked = dict(_ASKED.findall(prompt.task))
    role, reason = asked.get("Role") or _title(prompt), asked.get("Reason") or prompt.task
    good_at = asked.get("Capabilities", "chat")
    capabilities: list[Json] = [word.strip() for word in good_at.split(",") if word.strip()]
    tools = _TOOL.findall(prompt.sections.get("context", ""))
    return {
        "name": asked.get("Name") or _short(role, 100),
        "role": _short(role),
        "capabilities": capabilities,
        "system_prompt": f"You are {role}. You were made for this: {reason}. You are good at {good_at}.",
        "tools": [tool for tool in tools if tool.startswith("search")],
        "model": None,
        "success_criteria": [f"{MARK} What was asked for is there: {_short(reason, 120)}"],
    }


def reply(prompt: Prompt) -> str:
    """A chat answer: quoted and cited where there is something to quote, else plainly an echo."""
    if any(prompt.sections.get(name) for name in ("step", "acceptance", "team")):
        return work(prompt)
    quoted = best_sentences(prompt.sentences(), prompt.subject, _MAX_QUOTED)
    if quoted:
        return "\n".join([f"{MARK} From the sources:", "", *(f"- {sentence.cited}" for sentence in quoted)])
    asked = _short(_plain(prompt.question)) or "nothing"
    if prompt.has_results:
        return f"{MARK} I searched and found no passage about: {asked} ({REAL_MODEL})"
    return f'{MARK} You said: "{asked}" I am offline and no language model; {REAL_MODEL}.'


def _quoted(prompt: Prompt) -> list[Sentence]:
    """What bears most on what was asked for."""
    about = "\n".join([prompt.subject, *prompt.items("acceptance"), *prompt.items("findings")])
    return best_sentences(prompt.sentences(), f"{about}\n{prompt.task}", _MAX_QUOTED)


def _without_sources(prompt: Prompt) -> str:
    lines = [f"{MARK} {_title(prompt)}", "", "No source speaks of it. What was asked for:"]
    lines.extend(f"- {clause}" for clause in _clauses(prompt.subject)[:_MAX_QUOTED])
    return "\n".join([*lines, *_notes(prompt, [])])


def _quote(sentence: Sentence, *, is_check: bool) -> str:
    """A step that checks says of each sentence whether something stands behind it."""
    if not is_check:
        return f"- {sentence.cited}"
    return f"- Has {'its' if sentence.passage_id else 'no'} source: {sentence.cited}"


def _notes(prompt: Prompt, quoted: list[Sentence]) -> list[str]:
    """Each acceptance line with the passage that meets it best, and each finding that was heard."""
    notes: list[str] = []
    for line in prompt.items("acceptance"):
        best = best_sentences(quoted, line, 1)
        source = f" [{best[0].passage_id}]" if best and best[0].passage_id else ""
        notes.append(f"- Accepted by: {_plain(line).rstrip('.')}{source}")
    notes.extend(f"- Changed after review: {_plain(note)}" for note in prompt.items("findings"))
    return notes


def _step(step_id: str, title: str, role: str, depends_on: list[Json], acceptance: str) -> JsonObject:
    return {"id": step_id, "title": title, "role": role, "depends_on": depends_on, "acceptance": acceptance}


def _roles(prompt: Prompt) -> list[str]:
    """The names before the colon, dash or bracket of each line of the section on roles."""
    lines = prompt.items("roles") or prompt.items("team")
    names = [
        re.split(r"\s*[:(]|\s+[-\u2013\u2014]\s+", line.strip("*` "), maxsplit=1)[0].strip("*` ") for line in lines
    ]
    return [name for name in names if name]


def _role_for(roles: list[str], meaning: str) -> str | None:
    return next((role for role in roles if re.search(meaning, role, re.IGNORECASE)), None)


def _acceptance(prompt: Prompt) -> list[tuple[str, str]]:
    """Each acceptance line with the step it belongs to: by its label, else the heading it stands under."""
    found: list[tuple[str, str]] = []
    under = next((step_id for step_id, _ in _headings(prompt.sections.get("outputs", ""))), "s1")
    for line in prompt.sections.get("acceptance", "").splitlines():
        heading = _STEP_ID.search(line) if line.startswith("#") else None
        if heading:
            under = heading.group(1) or heading.group(2)
            continue
        text = line.strip().lstrip("-*+ ").strip("`")
        label = _LABEL.match(text)
        if label and (len(label.group(1)) <= 4 or label.group(1) in prompt.sections.get("outputs", "")):
            found.append((label.group(1), label.group(2)))
        elif text:
            found.append((under, text))
    return found


def _headings(text: str) -> list[tuple[str, str]]:
    """(id, whole heading) of the sub-headings of a section."""
    found = [line.lstrip("# ").strip() for line in text.splitlines() if line.startswith("###")]
    return [(re.split(r"[\s:.)\]]", heading.lstrip("["), maxsplit=1)[0], heading) for heading in found if heading]


def _output_of(delivered: str, step_id: str) -> str:
    """What stands under the step's own heading, else all that was delivered."""
    parts = re.split(r"(?m)^(?=###\s)", delivered)
    own = [part for part in parts if re.match(rf"###\s+\[?{re.escape(step_id)}\b", part)]
    return "\n".join(own) or delivered


def _clauses(text: str) -> list[str]:
    clauses = [_plain(clause).strip(" .;,") for clause in _SPLIT.split(text[:4_000])]
    return list(dict.fromkeys(clause[:280] for clause in clauses if len(clause) > 2))


def _title(prompt: Prompt) -> str:
    labelled = _LABEL.match(_plain(prompt.subject)) if prompt.sections.get("step") else None
    return _short(labelled.group(2) if labelled else _plain(prompt.subject)) or "Nothing was asked"


def _plain(text: str) -> str:
    return " ".join(text.replace("#", " ").replace("`", " ").split())


def _short(text: str, longest: int = 160) -> str:
    return text if len(text) <= longest else text[:longest].rsplit(" ", 1)[0] + " ..."


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
