"""What a network predicts, and how well: predictions, scores, tables, label files, pictures."""
