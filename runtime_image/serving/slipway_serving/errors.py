"""What can go wrong at start-up (`__main__` turns it into an exit) or with a request (`app` turns it into HTTP)."""


class StartupError(Exception):
    """The process cannot become ready; its text is the one sentence that the operator shows."""


class RequestError(Exception):
    """A request that gets no answer from the model; its text is the one sentence that the client reads."""


class InvalidRequestError(RequestError):
    """The client's request does not fit the model."""


class RequestTooLargeError(RequestError):
    """The body is larger than this server takes."""


class UnsupportedEncodingError(RequestError):
    """The body is compressed in a way that this server does not read."""


class UnknownModelError(RequestError):
    """No model or version of this name is served here."""


class NotReadyError(RequestError):
    """The model is still being loaded and verified."""


class OverloadedError(RequestError):
    """As many requests, or as many bytes, wait as may wait.

    Attributes:
        retry_after: whole seconds until those who wait now will have been answered, at the pace of the last runs.
    """

    def __init__(self, sentence: str, retry_after: int = 1) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class DeadlineExceededError(RequestError):
    """The request's time was over before its answer was there."""


class ClientGoneError(RequestError):
    """The client closed its connection or cancelled its call before its answer was there."""


class InferenceFailedError(RequestError):
    """ONNX Runtime could not run the model on a valid request."""
