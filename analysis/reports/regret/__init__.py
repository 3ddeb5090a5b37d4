"""Show what advertisers of a run regret."""
