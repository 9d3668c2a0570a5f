"""Ollama's own wire, which tells what its OpenAI-compatible one hides: cut prompts, model abilities, sizes."""
