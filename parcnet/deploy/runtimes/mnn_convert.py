"""Run MNN's converter in its own process: python -I mnn_convert.py '["-f", "ONNX", ...]'.

The package's own script `mnnconvert` imports `MNN.tools`, which installs a logging SDK and reports usage. This script
calls the compiled converter directly, which opens no connection (tested).
"""

import json
import sys

if __name__ == "__main__":
    import _tools

    _tools.mnnconvert(["mnnconvert", *json.loads(sys.argv[1])])
