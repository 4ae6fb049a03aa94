"""Stored calls judged again under another tool version or policy. No model is called."""
