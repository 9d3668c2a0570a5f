"""The OpenAI-compatible wire: what is sent, what comes back, and what its errors mean."""
