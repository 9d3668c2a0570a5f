"""The event log: every public fact is one row, numbered per workspace in commit order, and followed by cursor."""
