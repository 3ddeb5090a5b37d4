"""Learn in groups: `maab`, `dcmab`."""

from auctionsim.extras import expect_library

expect_library("torch", __name__)
