"""Runs: any model-driven or long work. The journal is the checkpoint, one driver drives every kind of run."""
