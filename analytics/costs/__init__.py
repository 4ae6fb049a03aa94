"""What it costs: by whom and by what, per call and per misfire, and what of it was for nothing.

``records`` holds what the shared rollups do not: the dearest users, conversations and tags, and how
often a tool was called in one conversation. ``rollup`` writes them hour by hour, ``figures`` reads.
"""
