"""Learn in groups: `maab`, `dcmab`."""
