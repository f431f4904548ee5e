"""`python -m lookreel` is the command `lookreel`."""

import sys

from lookreel.cli import main

sys.exit(main())
