"""Agents: definitions, instances, their status, and the turn every kind of run is made of."""
