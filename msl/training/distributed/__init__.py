"""One training in several processes, on one or several machines: what each of them does for the others."""
