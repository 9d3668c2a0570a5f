"""Debates: agents and people argue in rounds towards a counted decision. No team, no room, no claim of truth."""
