"""`python -m tfdeblur ...` is `tfdeblur ...`."""

import sys

from tfdeblur.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
