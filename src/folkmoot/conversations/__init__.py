"""Conversations: who said what to whom, in order, and the reply: the run that answers a message."""
