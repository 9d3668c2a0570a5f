"""The orchestrations in which members speak one after the other; what differs is who speaks next."""
