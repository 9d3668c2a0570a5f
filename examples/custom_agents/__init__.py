"""An example of software built on Folkmoot: a class of agents, and routes of its own beside those of the API."""
