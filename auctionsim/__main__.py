"""`python -m auctionsim`: the same as the command `auctionsim`."""

import sys

from auctionsim.cli import main

if __name__ == "__main__":
    sys.exit(main())
