"""Run the study `macg`: cooperative bidding under a revenue floor against its rivals, and without each of its parts."""
