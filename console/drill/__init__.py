"""The drill: an incident played against the running console, as an application would send it."""
