"""Statistics as pure functions from arrays to frozen dataclasses, one concept a file."""
