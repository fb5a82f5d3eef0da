"""Why a model could not be derived. The Job goes on without it."""


class NotDerivableError(Exception):
    """The message is one sentence: what is in the way, and what to do."""
