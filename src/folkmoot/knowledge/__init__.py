"""Documents a workspace gives its agents: cut into passages, found by full text, cited by passage id."""
