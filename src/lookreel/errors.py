"""The one exception for input that a user can mend."""


class InputError(ValueError):
    """Wrong input: one line that names the file or option, what was found and what is expected.

    The command line prints the line to stderr and exits with code 2; Python callers catch it as a ValueError.
    """
