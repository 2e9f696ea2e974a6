"""What a network sees and how good that is: predictions, scores, tables, label files, pictures."""
