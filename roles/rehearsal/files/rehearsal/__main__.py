"""``python -m rehearsal``."""

from __future__ import annotations

import sys

from rehearsal.cli import main

sys.exit(main())
