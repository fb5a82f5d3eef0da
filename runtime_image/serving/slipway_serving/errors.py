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


class NotReadyError(RequestError):
    """The model is still being loaded and verified."""


class OverloadedError(RequestError):
    """The queue is full."""


class InferenceFailedError(RequestError):
    """ONNX Runtime could not run the model on a valid request."""
