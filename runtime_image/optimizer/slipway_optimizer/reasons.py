"""Every reason that a failed Job can give, as the operator shows it in the condition `Optimized`."""

from typing import Final

INVALID_SPEC: Final = "InvalidSpec"

UNSUPPORTED_SOURCE: Final = "UnsupportedSource"
SOURCE_NOT_FOUND: Final = "SourceNotFound"
SOURCE_ACCESS_DENIED: Final = "SourceAccessDenied"
SOURCE_DIGEST_MISMATCH: Final = "SourceDigestMismatch"
SOURCE_UNAVAILABLE: Final = "SourceUnavailable"
SOURCE_CHANGED: Final = "SourceChanged"

CODE_INVALID: Final = "CodeInvalid"
FACTORY_NOT_FOUND: Final = "FactoryNotFound"
FACTORY_FAILED: Final = "FactoryFailed"
METRIC_INVALID: Final = "MetricInvalid"
FORMAT_MISMATCH: Final = "FormatMismatch"
CHECKPOINT_INVALID: Final = "CheckpointInvalid"
CHECKPOINT_MISMATCH: Final = "CheckpointMismatch"
UNSAFE_PICKLE: Final = "UnsafePickle"

INPUT_MISMATCH: Final = "InputMismatch"
OUTPUT_MISMATCH: Final = "OutputMismatch"
EXPORT_FAILED: Final = "ExportFailed"
PARITY_FAILED: Final = "ParityFailed"
DYNAMIC_AXIS_FIXED: Final = "DynamicAxisFixed"
HIDDEN_STATE: Final = "HiddenState"
DATA_INVALID: Final = "DataInvalid"
BUDGET_NOT_MET: Final = "BudgetNotMet"

STORE_ACCESS_DENIED: Final = "StoreAccessDenied"
STORE_UNAVAILABLE: Final = "StoreUnavailable"
DISK_FULL: Final = "DiskFull"
OUT_OF_MEMORY: Final = "OutOfMemory"
STOPPED: Final = "Stopped"
INTERNAL_ERROR: Final = "InternalError"
