"""Labelled volumes become weights: data, augmentation, losses, the loop, evaluation."""
