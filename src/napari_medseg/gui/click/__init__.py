"""Clicks that segment: mouse to prompt, prompt to answer in a thread, answer into the labels' own history."""
