"""``python -m heatmat``: the same as the command ``heatmat``."""

from __future__ import annotations

import sys

from heatmat.cli import main

if __name__ == "__main__":
    sys.exit(main())
