"""Everything msl refuses, as a small tree of exceptions.

    MslError                 anything a user can mend; entry points print it in one line and exit with 1
    ├── ConfigError          an option, a recipe or a settings file
    ├── DataError            a folder, an image or a label
    │   ├── UnlabelledError  labels are asked of data that has none
    │   └── MissingSplitError  a split is asked of data that is described without it
    ├── CheckpointError      a file of weights
    ├── TrackingError        the tracking server or a run on it
    ├── ServiceError         the tracking service, its database or a backup of it
    └── TrainingError        training cannot go on
        └── DivergedError    a loss became NaN or infinite

A message names the value, the place and the way out.
"""


class MslError(Exception):
    """Base of every error that a user of msl can mend."""


class ConfigError(MslError):
    """An option, a recipe or a settings file is unknown or out of range."""


class DataError(MslError):
    """A data set's folder, image or label is missing, unreadable or does not fit."""


class UnlabelledError(DataError):
    """Labels are asked of data that is described as having none."""


class MissingSplitError(DataError):
    """A split is asked of a domain whose file does not describe it."""


class CheckpointError(MslError):
    """A file of weights is missing, unreadable or belongs to another network."""


class TrackingError(MslError):
    """The tracking server cannot be reached, or a run on it is not what was asked for."""


class ServiceError(MslError):
    """The tracking service cannot be run, copied or cleaned as it was asked for."""


class TrainingError(MslError):
    """Training cannot go on."""


class DivergedError(TrainingError):
    """A loss became NaN or infinite."""
