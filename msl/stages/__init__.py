"""The stages, one file each, called as it is typed: what each needs, reads and trains. `msl.runs` carries them out."""
