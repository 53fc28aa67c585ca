"""A model run over many images: a label file each, a table of counts, and taking up where it ended."""
