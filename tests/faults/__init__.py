"""The fault matrix: every command under every fault, in real processes. `make faults` runs it whole and writes its table."""
