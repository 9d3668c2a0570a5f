"""Tasks: what somebody wants done, with limits and totals. Not the doing: every attempt at one is a run."""
