// parcnet's preprocessing: resize the shorter side to size / crop_pct, then crop the centre.

import { resized } from "./resize.js";

// Python's round: half to even.
function round(x) {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

// The resized size of an image of width x height px, and the crop that is the network's input.
export function geometry(width, height, preprocessing) {
  const [rows, columns] = preprocessing.size;
  const [high, wide] = preprocessing.size.map((side) => Math.floor(side / preprocessing.crop_pct));
  const size = {};
  if (high === wide) {
    const long = Math.trunc((high * Math.max(width, height)) / Math.min(width, height));
    [size.width, size.height] = width <= height ? [high, long] : [long, high];
  } else {
    const ratio = Math.min(height / high, width / wide);
    [size.width, size.height] = [round(width / ratio), round(height / ratio)];
  }
  const crop = { left: round((size.width - columns) / 2), top: round((size.height - rows) / 2), width: columns, height: rows };
  return { size, crop };
}

// RGBA composited on white -> RGB, or greyscale with Pillow's weights (ITU-R 601, 16 bits).
function withChannels(rgba, channels) {
  const pixels = new Uint8Array((rgba.length / 4) * channels);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    const [red, green, blue] = [rgba[from], rgba[from + 1], rgba[from + 2]];
    if (channels === 3) {
      pixels[to++] = red;
      pixels[to++] = green;
      pixels[to++] = blue;
    } else {
      pixels[to++] = (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16;
    }
  }
  return pixels;
}

// RGBA pixels of an image -> the network's 8-bit input [height, width, channels].
export function networkInput(rgba, width, height, preprocessing) {
  const channels = preprocessing.mean.length;
  const image = { data: withChannels(rgba, channels), width, height, channels };
  const { size, crop } = geometry(width, height, preprocessing);
  return resized(image, size, crop, preprocessing.interpolation);
}
