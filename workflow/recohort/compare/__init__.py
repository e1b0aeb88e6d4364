"""Number by number: how what was printed stands to what was obtained."""
