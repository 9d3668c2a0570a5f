"""A room: people and agents in one conversation, where rules that can be computed again say which agent speaks."""
