"""A workspace's own credentials for its model providers, encrypted at rest and never shown again."""
