"""`python -m folkmoot` serves."""

import sys

from folkmoot.cli import main

if __name__ == "__main__":
    main(["serve", *sys.argv[1:]])
