"""Traffic profiles: figures calibrated on public data, sources named in each file."""
