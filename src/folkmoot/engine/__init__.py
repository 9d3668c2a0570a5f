"""Who works on what: the dispatch port with its adapters, and the lock that says which process works a database."""
