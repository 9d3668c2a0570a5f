"""Folkmoot: a self-hosted backend where teams of AI agents and people work, debate and decide."""

__version__ = "0.1.0"
