"""What napari calls, without Qt: reader, writer, sample data, and the passage between core values and layers."""
