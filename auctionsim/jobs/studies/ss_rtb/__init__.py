"""Run the study `ss-rtb`: SS-RTB (KDD 2018) and its rivals at the same cost."""
