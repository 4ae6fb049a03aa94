"""Pricing stored turns again: looked at first, then written, both in batches that count once."""
