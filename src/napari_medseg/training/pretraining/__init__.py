"""Backbones learn what radiographs look like from classes of whole images, before they learn to segment or to find."""
