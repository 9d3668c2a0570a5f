"""The event log: every public fact is a row, numbered per workspace in commit order, followed by cursor."""
