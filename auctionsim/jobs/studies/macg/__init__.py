"""The study `macg`: cooperative bidding under a revenue floor against every rival and without every part of it."""
