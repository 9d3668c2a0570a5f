"""Contexts: named JSON that agents share, every version of it kept. A context is no memory of a conversation."""
