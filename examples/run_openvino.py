"""Runs a file of `parcnet export --format openvino` without parcnet: python run_openvino.py net.xml photo.jpg

Needs openvino, numpy and pillow.
"""

import json
import sys

import numpy as np
import openvino  # reports its import to its makers, unless `opt_in_out --opt_out` was run once
from PIL import Image

model = openvino.Core().read_model(sys.argv[1])
card = json.loads(model.get_rt_info(["parcnet"]).astype(str))
network = openvino.Core().compile_model(model, "CPU")
about = card["metadata"]["preprocessing"]
height, width = about["size"]

# the shorter side becomes size / crop_pct, then the centre is cut out
image = Image.open(sys.argv[2]).convert("RGB")
scale = max(height / image.height, width / image.width) / about["crop_pct"]
image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
left, top = round((image.width - width) / 2), round((image.height - height) / 2)
pixels = np.asarray(image.crop((left, top, left + width, top + height)), dtype=np.float32) / 255
values = ((pixels - about["mean"]) / about["std"]).transpose(2, 0, 1)[None].astype(np.float32)

logits = network([values])[0][0]
shares = np.exp(logits - logits.max())
shares /= shares.sum()
for index in shares.argsort()[::-1][:5]:
    print(f"{shares[index]:7.2%}  {card['metadata']['classes'][index]}")
