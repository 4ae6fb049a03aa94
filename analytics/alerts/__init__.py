"""Alerts: what is watched, when it is told, to whom, and what became of telling."""
