"""Why a molecule or a protein is left out."""

from mdsnake.errors import UserError


class Dropped(UserError):
    """It cannot be prepared; the others go on."""
