"""What stages read: domains opened and checked, style images, styled copies."""
