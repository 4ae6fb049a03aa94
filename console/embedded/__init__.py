"""PostgreSQL, Valkey and a local model from wheels, as children; used where no URL is configured.

Nothing here imports Django, so that a supervisor stays small and starts before settings are read.
"""
