"""Runs MNN's converter in a process of its own: python -I mnn_convert.py '["-f", "ONNX", ...]'.

The package's script `mnnconvert` does the same, then installs a logging SDK and reports the usage; it imports
`MNN.tools`, this does not. What remains is the compiled converter, which opens no connection (tested).
"""

import json
import sys

if __name__ == "__main__":
    import _tools

    _tools.mnnconvert(["mnnconvert", *json.loads(sys.argv[1])])
