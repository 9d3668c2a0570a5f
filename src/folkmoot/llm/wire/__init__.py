"""The wires of the providers: what is sent, what comes back, and what their errors mean."""
