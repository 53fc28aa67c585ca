"""Models measured on labelled data, one or several side by side, and the report of it.

data = read_data_file(Path("data.yaml"))
comparison = measure_models([find_model("cxr-lungs-unet")], data)
write_report(comparison, Path("report"))
"""

from __future__ import annotations

from napari_medseg.training.report.data_file import DataFile, read_data_file
from napari_medseg.training.report.folds import FoldRuns, is_run_folder, named_apart, read_fold_runs
from napari_medseg.training.report.measuring import MeasuringTask, measure_model
from napari_medseg.training.report.models import measure_models
from napari_medseg.training.report.results import CaseResult, Comparison, FoundBox, ModelResult
from napari_medseg.training.report.summary import Measured, paired_differences, summarise
from napari_medseg.training.report.writing import REPORT_FILES, check_report_folder, write_report

__all__ = [
    "REPORT_FILES",
    "CaseResult",
    "Comparison",
    "DataFile",
    "FoldRuns",
    "FoundBox",
    "Measured",
    "MeasuringTask",
    "ModelResult",
    "check_report_folder",
    "is_run_folder",
    "measure_model",
    "measure_models",
    "named_apart",
    "paired_differences",
    "read_data_file",
    "read_fold_runs",
    "summarise",
    "write_report",
]
