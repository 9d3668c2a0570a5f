"""Accounts: who calls. Users, their sessions and API keys, and the door that every request comes through."""
