"""`python -m export ...` is `tfdeblur export ...`."""

import sys

from tfdeblur.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["export", *sys.argv[1:]]))
