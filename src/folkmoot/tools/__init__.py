"""What agents can do beside talking: the registry every tool is entered into, and the built-in tools."""
