"""Importing into a project: a source read, what each item would become, and saving those ticked."""
