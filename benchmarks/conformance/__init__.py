"""Cases, readers and comparisons of `benchmarks/dicom_conformance.py`."""
