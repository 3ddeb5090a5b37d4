"""Hold the studies that `auctionsim reproduce NAME` runs.

A study is a module NAME here, or a folder NAME with a module `study`, that defines `STUDY`; dashes in NAME are underscores.
"""
