"""Learn as SS-RTB does: `rmdp-dqn`, `m-rmdp-dqn`, `amdp-dqn`."""

from auctionsim.extras import expect_library

expect_library("torch", __name__)
