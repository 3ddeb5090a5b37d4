"""Learn by policy gradients, and the networks and memories that learners share."""

from auctionsim.extras import expect_library

expect_library("torch", __name__)
