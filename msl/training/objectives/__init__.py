"""Objectives: losses on streams of batches, one objective in each file."""
