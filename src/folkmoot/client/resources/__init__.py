"""What operations answer: written by `make docs` from the OpenAPI document."""
