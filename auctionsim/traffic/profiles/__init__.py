"""Built-in traffic profiles. Each file names the sources of its figures."""
