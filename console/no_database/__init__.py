"""The database backend when nothing names a database."""
