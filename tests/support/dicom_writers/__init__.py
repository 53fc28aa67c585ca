"""DICOM files written by plain pydicom, for the tests and for the conformance table."""
