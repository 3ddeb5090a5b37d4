"""Studies that `auctionsim reproduce NAME` runs.

A study is a module NAME here, or a folder NAME with a module `study`, that holds a `STUDY`; dashes are underscores.
"""
