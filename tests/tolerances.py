"""The largest differences between two numbers that tests allow."""

# float32 against a float64 reference, sums over some thousand pixels
SINGLE = {"rtol": 1e-5, "atol": 1e-7}
# the same quantity computed in float64 in two ways
DOUBLE = {"rtol": 1e-12, "atol": 1e-14}
# a loss curve of ten steps in float64 against the one checked in: machines round differently, and steps amplify it
GOLDEN = {"rtol": 1e-6, "atol": 1e-8}
