"""The one exception that users are meant to read."""


class WinnowError(Exception):
    """Bad input: its message is one sentence that says what is wrong, where, and how to mend it.

    Stage scripts and the command line print the message alone and exit with status 1; any other exception is a
    defect of winnow and keeps its traceback.
    """
