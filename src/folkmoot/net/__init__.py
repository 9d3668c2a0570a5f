"""Outgoing calls to addresses that a user or a model may have chosen: public ones only."""
