"""How many examples a test that draws its values takes: few by default, more by hand."""

import os
from typing import Final

ROUNDS: Final = int(os.environ.get("PYKBROKER_ROUNDS", "1"))
"""A factor on the examples of each version: PYKBROKER_ROUNDS=100 draws a hundred times as many."""
