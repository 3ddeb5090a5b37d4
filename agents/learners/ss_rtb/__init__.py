"""Learn as SS-RTB does: `rmdp-dqn`, `m-rmdp-dqn`, `amdp-dqn`."""
