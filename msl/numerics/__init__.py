"""Arithmetic that is no loss: bands of rows, precision, channel statistics, interpolation."""
