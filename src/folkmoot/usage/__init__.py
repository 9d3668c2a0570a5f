"""Metering: what every call of a language model used, written in the append that records its answer."""
