"""VideoNarrator: synchronized video storytelling as an experiment framework."""

import logging

__version__ = "0.1.0"

# Where bitsandbytes is installed, peft imports it for everybody, and it then misses a package for 4 bits on the CPU; of
# every product in 8 bits it says that float16 is what it computes in.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
