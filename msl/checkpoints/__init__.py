"""Checkpoints: written atomically, read without running code from them."""
