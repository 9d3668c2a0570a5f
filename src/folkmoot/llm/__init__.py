"""Language models: one gateway every room asks, the wires and the practice model under it, prices."""
