"""Post-mortems: one blameless document an incident, whose figures are references to the record."""
