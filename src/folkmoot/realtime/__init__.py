"""Transports of the event log: they carry frames and decide nothing."""
