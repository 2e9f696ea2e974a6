"""The errors of msl, as a small tree of exceptions.

    MslError                 an error that a user can correct; commands print its message and exit with 1
    ├── ConfigError          an option, a recipe or a settings file
    ├── DataError            a folder, an image or a label
    │   ├── UnlabelledError    labels are needed, and the data has none
    │   └── MissingSplitError  a split is needed, and the data's file does not describe it
    ├── LoadingError         the processes that load data, their memory or their disk
    ├── CheckpointError      a file of weights
    ├── TrackingError        the tracking server or a run on it
    ├── ServiceError         the tracking service, its database or a backup of it
    └── TrainingError        training cannot go on
        ├── DivergedError    a loss became NaN or infinite
        └── LostProcessError another process of the training has ended or does not answer

A message names the value, the place and the way out.
"""


class MslError(Exception):
    """Base of every error that a user of msl can correct."""


class ConfigError(MslError):
    """An option, a recipe or a settings file is unknown or out of range."""


class DataError(MslError):
    """A data set's folder, image or label is missing, unreadable or does not fit."""


class UnlabelledError(DataError):
    """Labels are needed, and the data is described as having none."""


class MissingSplitError(DataError):
    """A split is needed, and the domain's file does not describe it."""


class LoadingError(MslError):
    """A process that loads data has failed, has ended or does not go on."""


class CheckpointError(MslError):
    """A file of weights is missing, unreadable or belongs to another network."""


class TrackingError(MslError):
    """The tracking server cannot be reached, or a run on it does not fit."""


class ServiceError(MslError):
    """The tracking service cannot be run, copied or cleaned."""


class TrainingError(MslError):
    """Training cannot go on."""


class DivergedError(TrainingError):
    """A loss became NaN or infinite."""


class LostProcessError(TrainingError):
    """Another process of the same training has ended, or does not answer."""
