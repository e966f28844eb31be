"""Runs a file written by `parcnet export --format onnx` without parcnet: python run_onnx.py net.onnx photo.jpg

Needs onnxruntime, numpy and pillow.
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
info = json.loads(session.get_modelmeta().custom_metadata_map["parcnet"])
preprocessing = info["metadata"]["preprocessing"]
height, width = preprocessing["size"]

# resize so that the shorter side is size / crop_pct, then crop the centre
image = Image.open(sys.argv[2]).convert("RGB")
scale = max(height / image.height, width / image.width) / preprocessing["crop_pct"]
image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
left, top = round((image.width - width) / 2), round((image.height - height) / 2)
pixels = np.asarray(image.crop((left, top, left + width, top + height)), dtype=np.float32) / 255
values = ((pixels - preprocessing["mean"]) / preprocessing["std"]).transpose(2, 0, 1)[None].astype(np.float32)

logits = session.run(None, {session.get_inputs()[0].name: values})[0][0]
probabilities = np.exp(logits - logits.max())
probabilities /= probabilities.sum()
for index in probabilities.argsort()[::-1][:5]:
    print(f"{probabilities[index]:7.2%}  {info['metadata']['classes'][index]}")
