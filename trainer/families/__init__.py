"""What learns from a kind of input, with torch: one room a kind. A task names its family by its dotted path, so that
listing tasks imports nothing of it."""
