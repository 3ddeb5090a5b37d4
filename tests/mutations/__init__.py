"""Mutations of stored traffic and of traffic tables that know their structure. Each is drawn from a `random.Random`."""
