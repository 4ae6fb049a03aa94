"""The proxy's guard: routed tools only, and rejected calls answered back to the model or held.

Off unless an admin sets it for a key. ``docs/guard.md`` describes it.
"""
