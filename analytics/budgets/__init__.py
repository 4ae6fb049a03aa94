"""Budgets: how much may be spent on what a filter finds, and how that stands."""
