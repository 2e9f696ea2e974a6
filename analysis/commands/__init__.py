"""The commands of ``python -m analysis``: each reads a run store and imports what it needs when it is called."""
