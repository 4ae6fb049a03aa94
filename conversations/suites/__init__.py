"""Suites: named cases with what should be called, for replays and for continuous integration."""
