"""Findings in the viewer: a label and a box for each, linked; without Qt."""
