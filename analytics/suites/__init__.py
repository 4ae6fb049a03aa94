"""Suites over time: how right each model was, what it cost and how long it took."""
