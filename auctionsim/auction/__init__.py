"""Clear auctions: rules, the plain reference, the bid formula, budgets, and replays of a day."""

from auctionsim.auction.environment import check_environment

check_environment()
