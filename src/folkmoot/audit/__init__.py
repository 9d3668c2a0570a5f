"""Audit: who did what to which object, from where. Rows are added and read, never changed."""
