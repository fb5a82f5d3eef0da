"""The least that a first answer takes: import ONNX Runtime, open the model, run it once; then stay to be weighed.

bare_start.py MODEL INPUTS.npz
"""

import sys

import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
session.run(None, dict(np.load(sys.argv[2])))
print("answered", flush=True)
sys.stdin.read()
