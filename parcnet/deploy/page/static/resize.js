// Antialiased resizing as in Pillow for 8-bit images, so that the network's input is the same as in Python: rows first,
// rounded to 8 bits, then columns, with fixed-point weights. A canvas resizes differently in each browser.

const BITS = 2 ** 22; // weights are integer multiples of 1 / BITS

const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

function cubic(x, a = -0.5) {
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return (((x - 5) * x + 8) * x - 4) * a;
}

const symmetric = (half, weight) => [half, (x) => (Math.abs(x) < half ? weight(Math.abs(x)) : 0)];

// name -> [half width, weight at distance x]
const FILTERS = {
  box: [0.5, (x) => (x > -0.5 && x <= 0.5 ? 1 : 0)],
  bilinear: symmetric(1, (x) => 1 - x),
  hamming: symmetric(1, (x) => sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x))),
  bicubic: symmetric(2, (x) => cubic(x)),
  lanczos: symmetric(3, (x) => sinc(x) * sinc(x / 3)),
};

// For output pixels `first` to `first + count` of an axis of `length` px resized to `size` px: the first source pixel, and
// the weights from there on, which sum to BITS up to rounding.
function windows(length, size, first, count, name) {
  const scale = length / size;
  if (name === "nearest") {
    const nearest = [];
    for (let i = 0, at = scale / 2; i < first + count; i++, at += scale) nearest.push([Math.trunc(at), [BITS]]); // accumulates, to round as Pillow
    return nearest.slice(first);
  }
  const [half, filter] = FILTERS[name];
  const stretch = Math.max(scale, 1);
  const support = half * stretch;
  const shrink = 1 / stretch;
  return Array.from({ length: count }, (_, i) => {
    const centre = (first + i + 0.5) * scale;
    const start = Math.max(Math.trunc(centre - support + 0.5), 0);
    const end = Math.min(Math.trunc(centre + support + 0.5), length);
    const weights = [];
    for (let pixel = start; pixel < end; pixel++) weights.push(filter((pixel - centre + 0.5) * shrink));
    const sum = weights.reduce((a, b) => a + b, 0) || 1;
    const fixedPoint = (weight) => Math.trunc(weight * BITS + (weight < 0 ? -0.5 : 0.5));
    return [start, weights.map((weight) => fixedPoint(weight / sum))];
  });
}

const rounded = (sum) => Math.min(Math.max(Math.floor(sum / BITS + 0.5), 0), 255);

// `image` {data, width, height, channels} (8 bits, interleaved) resized to `size` {width, height} with the filter `name`,
// then cropped to `crop` {left, top, width, height}. Only the crop is computed.
export function resized(image, size, crop, name) {
  const { data, width, channels } = image;
  const across = windows(width, size.width, crop.left, crop.width, name);
  const down = windows(image.height, size.height, crop.top, crop.height, name);
  const top = Math.min(...down.map(([start]) => start));
  const bottom = Math.max(...down.map(([start, weights]) => start + weights.length));
  const line = crop.width * channels;
  const rows = new Uint8Array((bottom - top) * line);
  for (let y = top; y < bottom; y++) {
    for (let x = 0; x < crop.width; x++) {
      const [start, weights] = across[x];
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        let from = (y * width + start) * channels + channel;
        for (let i = 0; i < weights.length; i++, from += channels) sum += data[from] * weights[i];
        rows[(y - top) * line + x * channels + channel] = rounded(sum);
      }
    }
  }
  const result = new Uint8Array(crop.height * line);
  for (let y = 0; y < crop.height; y++) {
    const [start, weights] = down[y];
    for (let x = 0; x < line; x++) {
      let sum = 0;
      let from = (start - top) * line + x;
      for (let i = 0; i < weights.length; i++, from += line) sum += rows[from] * weights[i];
      result[y * line + x] = rounded(sum);
    }
  }
  return result;
}
