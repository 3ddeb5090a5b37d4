"""Clear auctions: rules, the plain reference, bid formulas, budgets, replay."""
