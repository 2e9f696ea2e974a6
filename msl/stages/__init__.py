"""The stages, one file each, with the name that users type: what it needs, reads and trains. `msl.runs` runs them."""
