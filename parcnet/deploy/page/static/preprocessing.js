// What parcnet does with a picture before the network sees it: the shorter side fits size / crop_pct, then the centre.

import { resized } from "./resize.js";

// Python's round: halves go to the even neighbour.
function round(x) {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

// The size to which a picture of width x height px is brought, and the part of it that the network sees.
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

// RGBA on white, as a canvas gives it -> RGB, or grey by Pillow's weights (ITU-R 601, 16 bits).
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

// The network's input [height, width, channels], 8 bits, of the RGBA pixels of a picture.
export function networkInput(rgba, width, height, preprocessing) {
  const channels = preprocessing.mean.length;
  const image = { data: withChannels(rgba, channels), width, height, channels };
  const { size, crop } = geometry(width, height, preprocessing);
  return resized(image, size, crop, preprocessing.interpolation);
}
