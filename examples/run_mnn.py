"""Runs a file of `parcnet export --format mnn` without parcnet: python run_mnn.py net.mnn photo.jpg

Needs MNN, numpy and pillow.
"""

import json
import sys

import numpy as np
from MNN import expr, nn
from PIL import Image

card = json.loads(nn.load_module_from_file(sys.argv[1], [], []).get_info()["bizCode"])
network = nn.load_module_from_file(sys.argv[1], ["image"], ["logits"])
about = card["metadata"]["preprocessing"]
height, width = about["size"]

# the shorter side becomes size / crop_pct, then the centre is cut out
image = Image.open(sys.argv[2]).convert("RGB")
scale = max(height / image.height, width / image.width) / about["crop_pct"]
image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
left, top = round((image.width - width) / 2), round((image.height - height) / 2)
pixels = np.asarray(image.crop((left, top, left + width, top + height)), dtype=np.float32) / 255
values = ((pixels - about["mean"]) / about["std"]).transpose(2, 0, 1)[None].astype(np.float32)

values = np.ascontiguousarray(values)
answer = network.forward([expr.const(values, list(values.shape), expr.NCHW)])[0]
logits = np.array(expr.convert(answer, expr.NCHW).read())[0]
shares = np.exp(logits - logits.max())
shares /= shares.sum()
for index in shares.argsort()[::-1][:5]:
    print(f"{shares[index]:7.2%}  {card['metadata']['classes'][index]}")
