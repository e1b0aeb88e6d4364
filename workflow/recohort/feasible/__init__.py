"""What values a variable can take, given what was printed of it."""
