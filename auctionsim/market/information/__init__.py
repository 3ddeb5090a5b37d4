"""What bidders are shown of a day: whose rows, how late, and at which prices auctions could be won."""
