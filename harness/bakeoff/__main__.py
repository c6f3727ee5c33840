"""``python -m bakeoff``: the command line, where its script is not on the path."""

import sys

from bakeoff.cli import main

sys.exit(main())
