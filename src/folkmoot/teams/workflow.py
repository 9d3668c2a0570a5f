"""The procedure of a team's run: that of its orchestration, which stands in the first entry of its journal."""

from folkmoot.kernel.facts import Fact
from folkmoot.runs.journal import Action, End, Entry, Settlement
from folkmoot.teams.conversation.procedure import TalkProcedure
from folkmoot.teams.conversation.state import TalkState
from folkmoot.teams.given import TeamInput
from folkmoot.teams.planning.procedure import PlanProcedure
from folkmoot.teams.planning.state import PlanState

TeamState = PlanState | TalkState

_PLAN, _TALK = PlanProcedure(), TalkProcedure()


class TeamProcedure:
    """Hands every question on to the procedure that the state is of."""

    def begin(self, entry: Entry) -> TeamState:
        team = TeamInput.model_validate(entry.data["input"]).team
        return _PLAN.begin(entry) if team.orchestration == "plan" else _TALK.begin(entry)

    def apply(self, state: TeamState, entry: Entry) -> TeamState:
        return _PLAN.apply(state, entry) if isinstance(state, PlanState) else _TALK.apply(state, entry)

    def wanted(self, state: TeamState) -> tuple[Action, ...]:
        return _PLAN.wanted(state) if isinstance(state, PlanState) else _TALK.wanted(state)

    def facts(self, state: TeamState, entry: Entry) -> tuple[Fact, ...]:
        return _PLAN.facts(state, entry) if isinstance(state, PlanState) else _TALK.facts(state, entry)

    def settle(self, state: TeamState, reason: Settlement) -> End:
        return _PLAN.settle(state, reason) if isinstance(state, PlanState) else _TALK.settle(state, reason)
