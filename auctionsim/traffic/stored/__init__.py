"""Traffic larger than memory: a folder with a file for each column and an index, written once and read part by part."""
