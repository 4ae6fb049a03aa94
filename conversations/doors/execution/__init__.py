"""Tools run for applications: ``POST /api/v1/execute``. docs/execution.md describes it."""
