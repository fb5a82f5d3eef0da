"""Why a model has no score."""


class ScoreError(Exception):
    """One sentence. For a variant it is why it loses; for the original model the Job fails with it."""
