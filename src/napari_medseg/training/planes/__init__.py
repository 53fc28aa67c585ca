"""Networks of planes: labelled radiographs become batches, weights and scores, for labels and for findings."""
