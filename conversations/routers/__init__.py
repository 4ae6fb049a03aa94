"""Routers at work: recorded inputs to judge them on, and connections that classify."""
