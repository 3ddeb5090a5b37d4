"""Run the study `auctionnet`: policies of the AuctionNet benchmark on a market of its form, beside published orders."""
