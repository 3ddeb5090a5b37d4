"""Judge a policy from logged days alone: exploration with known propensities, and off-policy estimates with their intervals."""
