"""The serving runtime: one verified artifact behind the Open Inference Protocol, in one process."""
