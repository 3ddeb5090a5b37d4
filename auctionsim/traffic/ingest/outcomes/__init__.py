"""What a log says about its own auctions: what was shown, clicked and charged, position effects, objective, quality."""
