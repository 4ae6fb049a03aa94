"""The pages of tools: one module for each of their parts."""
