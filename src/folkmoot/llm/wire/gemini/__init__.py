"""Gemini's own wire: generateContent of the generative language API."""
