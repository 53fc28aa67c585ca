"""The panels. Views hold widgets and emit requests, controllers call the core, workers carry long work."""
