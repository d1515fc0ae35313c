"""Why a molecule is left out."""

from mdsnake.errors import UserError


class Dropped(UserError):
    """The molecule cannot be prepared; the others go on."""
