"""Incidents: turns that went wrong together, what probably did it, and what was done."""
