"""The study `ss-rtb`: SS-RTB (KDD 2018) and its rivals."""
