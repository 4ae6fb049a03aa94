"""Running the calls of a turn as an application should: planned, bounded, cached, told.

``effects``, ``references``, ``plan`` and ``tryout`` are pure. ``runner.execute`` runs a plan.
"""
