"""Commands, one a stage: ``python -m entrypoints.adapt --help``. MLproject names them as entry points."""
