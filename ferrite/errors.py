"""Errors by who can mend them: a person (`ConfigError`), or trying again (`ClusterError`, `RouterError`).

FerriteError
├── ConfigError      a person must change an object, a flag or a file
├── ClusterError     the API server refused, failed or was not reached
│   ├── Conflict     409: somebody wrote the object first
│   └── Gone         410: the version asked for is too old, list again
└── RouterError      the BGP engine or a router refused, failed or was not reached
"""

TEXT_LIMIT = 256


class FerriteError(Exception):
    """The root of every error that Ferrite raises on purpose."""


class ConfigError(FerriteError):
    """An object, a flag or a file is wrong; the text names object, field and value."""


class ClusterError(FerriteError):
    """The API server refused a call, failed, or was not reached.

    Attributes:
        status: HTTP status, 0 when there was no answer.
        reason: Kubernetes' word for it (`Forbidden`, `TooManyRequests`, ...), or a transport's.
        retry_after: seconds the server asks to wait, for 429 and 503; None when it does not say.
    """

    def __init__(
        self, text: str, *, status: int = 0, reason: str = "", retry_after: float | None = None
    ) -> None:
        # Cut, so that no secret that a server echoes reaches a log.
        super().__init__(text[:TEXT_LIMIT])
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class Conflict(ClusterError):  # noqa: N818 - Kubernetes' own word for it
    """409: the object is newer than the version this write was decided on, or exists already."""


class Gone(ClusterError):  # noqa: N818 - Kubernetes' own word for it
    """410: the resource version or the list's continue token is too old."""


class RouterError(FerriteError):
    """The BGP engine refused a call, failed, or was not reached."""
