"""The exceptions a user is meant to read."""


class UserError(Exception):
    """Bad input, told in one line: which file and key, what is wrong, what to do."""


class OutOfTime(UserError):
    """The time budget is used up; what was done is kept."""
