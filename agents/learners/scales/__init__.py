"""Fit bids that are scales of a value: the rules `value-scale`, `value-scale-paced` and `objective-scale`."""
