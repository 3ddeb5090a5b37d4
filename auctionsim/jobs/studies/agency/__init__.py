"""Measure what agencies that bid for several advertisers cost the platform, under VCG and under generalized second prices."""
