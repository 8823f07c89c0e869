"""`python -m tfdeblur.train ...` is `tfdeblur train ...`."""

import sys

from tfdeblur.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
