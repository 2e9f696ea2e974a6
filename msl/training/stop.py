"""The request to end a training before its last step."""

from msl.numerics import ranks

_INTERRUPTED = 130  # exit code of a process that SIGINT ends


class StopRequest:
    """Asks a training to end after its present step, with a checkpoint. A signal makes it, the loop looks at it."""

    def __init__(self) -> None:
        self._error: BaseException | None = None

    @property
    def is_made(self) -> bool:
        """Whether the training shall end."""
        return self._error is not None

    @property
    def exit_code(self) -> int:
        """With which the process shall end; 0 if the training shall go on."""
        if self._error is None:
            return 0
        code = self._error.code if isinstance(self._error, SystemExit) else _INTERRUPTED
        return code if isinstance(code, int) and code else 1

    @property
    def has_reached_loading(self) -> bool:
        """Whether the request explains that a loading process has ended: a signal to the group ends those, too.

        Of several processes of a training each has its own; the others would wait for the one that stops alone.
        """
        return self.is_made and not ranks.are_several()

    def make(self, error: BaseException) -> None:
        """Ask; the loop raises the error after its present step."""
        self._error = error

    def agree(self) -> bool:
        """Whether the training shall end in one of its processes; then it shall end in all of them."""
        exit_code = ranks.largest(self.exit_code)
        if exit_code and self._error is None:
            self._error = SystemExit(exit_code)
        return exit_code != 0

    def obey(self) -> None:
        """Raise the error if the request is made, in this process or in another one of the training."""
        if self.agree() and self._error is not None:
            raise self._error
