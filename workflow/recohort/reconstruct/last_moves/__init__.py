"""Last moves: what is not yet met is foretold, chosen and measured, column by column."""
