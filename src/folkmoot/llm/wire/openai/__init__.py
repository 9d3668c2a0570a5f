"""The OpenAI-compatible wire, which many servers speak besides OpenAI."""
