"""What is wrong with the user's data, before anybody says which data it is."""


class DataProblemError(Exception):
    """Half a sentence, without a full stop, that names the column, the row or the file."""
