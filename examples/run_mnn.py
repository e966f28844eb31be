"""Runs a file written by `parcnet export --format mnn` without parcnet: python run_mnn.py net.mnn photo.jpg

Needs MNN, numpy and pillow.
"""

import json
import sys

import numpy as np
from MNN import expr, nn
from PIL import Image

info = json.loads(nn.load_module_from_file(sys.argv[1], [], []).get_info()["bizCode"])
network = nn.load_module_from_file(sys.argv[1], ["image"], ["logits"])
preprocessing = info["metadata"]["preprocessing"]
height, width = preprocessing["size"]

# resize so that the shorter side is size / crop_pct, then crop the centre
image = Image.open(sys.argv[2]).convert("RGB")
scale = max(height / image.height, width / image.width) / preprocessing["crop_pct"]
image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
left, top = round((image.width - width) / 2), round((image.height - height) / 2)
pixels = np.asarray(image.crop((left, top, left + width, top + height)), dtype=np.float32) / 255
values = ((pixels - preprocessing["mean"]) / preprocessing["std"]).transpose(2, 0, 1)[None].astype(np.float32)

values = np.ascontiguousarray(values)
output = network.forward([expr.const(values, list(values.shape), expr.NCHW)])[0]
logits = np.array(expr.convert(output, expr.NCHW).read())[0]
probabilities = np.exp(logits - logits.max())
probabilities /= probabilities.sum()
for index in probabilities.argsort()[::-1][:5]:
    print(f"{probabilities[index]:7.2%}  {info['metadata']['classes'][index]}")
