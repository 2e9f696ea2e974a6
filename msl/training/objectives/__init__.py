"""What is minimised on a stream of batches, one objective a file."""
