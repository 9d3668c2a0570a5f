"""Units of work on SQLite and PostgreSQL: plain functions that run inside one transaction, committed in groups."""
