"""Make a scenario concrete: traffic, advertisers, budgets, baseline; and run days of it under policies."""
