"""`python -m mdsnake`."""

from mdsnake.cli import main

main()
