"""Finding conversations, turns and calls: what the filter bar says, and how it is read.

Pure: ``fields`` (what can be asked), ``query`` (text to value and back), ``sql`` (value to SQL).
With the database: ``reading`` (pages, bounded in time), ``facets``, ``suggestions``, ``export``.
"""
