"""The commands, one module each.

A command module offers `add_arguments(parser)`, `run(arguments, console)` and `EXAMPLE`, a command line that shows its use. Its
docstring is the command's help.
"""
