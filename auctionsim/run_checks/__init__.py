"""Check the files of a run folder when they are read: a run may come from anywhere."""
