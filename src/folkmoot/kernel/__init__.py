"""What every room may use and what knows no room: errors, ids, time, JSON, scope, facts, settings."""
