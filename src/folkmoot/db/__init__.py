"""Units of work on SQLite and PostgreSQL: plain functions in one transaction, committed in groups."""
