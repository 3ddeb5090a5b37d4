"""Read the formats of logs."""
