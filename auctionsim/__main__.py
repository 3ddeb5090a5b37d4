"""`python -m auctionsim`: the same as the command `auctionsim`."""

import os
import sys
from contextlib import suppress

if __name__ == "__main__":
    # Python puts the current folder first on the import path. No file in it may stand in for a library.
    with suppress(OSError):
        if not sys.flags.safe_path and sys.path[:1] in ([""], [os.getcwd()]):
            del sys.path[0]
    from auctionsim.cli import main

    sys.exit(main())
