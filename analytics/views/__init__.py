"""Pages of analytics: each reads rollups through ``analytics.metrics``, within ``frame``."""
