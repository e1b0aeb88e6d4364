"""The command line: one subcommand a stage, and nothing else."""

from recohort.cli.main import main

__all__ = ["main"]
