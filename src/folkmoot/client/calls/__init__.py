"""Every operation as a description of its call: written by `make docs` from the OpenAPI document."""
