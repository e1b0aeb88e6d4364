"""``python -m recohort.cli``."""

import sys

from recohort.cli.main import main

sys.exit(main())
