"""Measure what happens to prices and outsiders as more and more advertisers use an optimizer."""
