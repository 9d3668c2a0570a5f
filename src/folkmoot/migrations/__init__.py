"""How the database got its shape: Alembic revisions in one straight line, for both databases."""
