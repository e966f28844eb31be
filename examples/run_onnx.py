"""Runs a file of `parcnet export --format onnx` without parcnet: python run_onnx.py net.onnx photo.jpg

Needs onnxruntime, numpy and pillow.
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
card = json.loads(session.get_modelmeta().custom_metadata_map["parcnet"])
about = card["metadata"]["preprocessing"]
height, width = about["size"]

# the shorter side becomes size / crop_pct, then the centre is cut out
image = Image.open(sys.argv[2]).convert("RGB")
scale = max(height / image.height, width / image.width) / about["crop_pct"]
image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
left, top = round((image.width - width) / 2), round((image.height - height) / 2)
pixels = np.asarray(image.crop((left, top, left + width, top + height)), dtype=np.float32) / 255
values = ((pixels - about["mean"]) / about["std"]).transpose(2, 0, 1)[None].astype(np.float32)

logits = session.run(None, {session.get_inputs()[0].name: values})[0][0]
shares = np.exp(logits - logits.max())
shares /= shares.sum()
for index in shares.argsort()[::-1][:5]:
    print(f"{shares[index]:7.2%}  {card['metadata']['classes'][index]}")
