"""Which printed numbers cannot be true together, and why."""
