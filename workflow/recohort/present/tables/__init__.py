"""The tables: what each holds, and how one is written as CSV, Word and LaTeX."""
