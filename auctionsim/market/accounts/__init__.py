"""Share a daily budget among the campaigns of an account."""
