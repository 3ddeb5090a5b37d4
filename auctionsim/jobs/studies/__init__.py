"""Studies that `auctionsim reproduce NAME` runs: a module NAME here (dashes as underscores) with a `STUDY`."""
