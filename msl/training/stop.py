"""The request to end a training before its last step."""


class StopRequest:
    """Asks a training to end after its present step, with a checkpoint. A signal makes it, the loop looks at it."""

    def __init__(self) -> None:
        self._error: BaseException | None = None

    @property
    def is_made(self) -> bool:
        """Whether the training shall end."""
        return self._error is not None

    def make(self, error: BaseException) -> None:
        """Ask; the loop raises the error after its present step."""
        self._error = error

    def obey(self) -> None:
        """Raise the error if the request is made."""
        if self._error is not None:
            raise self._error
