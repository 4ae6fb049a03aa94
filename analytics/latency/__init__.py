"""How long it takes: percentiles of first tokens, turns and tools beside their limits."""
