"""Thirty days of believable traffic of one application, and what its people made of it."""
