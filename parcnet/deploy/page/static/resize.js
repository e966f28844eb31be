// Resizing by convolution with a filter that widens when the picture shrinks, as Pillow does it for 8-bit pictures, so
// that a network sees in a browser what it sees in Python: the rows first, rounded to 8 bits, then the columns, with
// weights in fixed point. A canvas would resize in its own way in each browser.

const BITS = 2 ** 22; // weights are whole multiples of 1 / BITS

const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

function cubic(x, a = -0.5) {
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return (((x - 5) * x + 8) * x - 4) * a;
}

const even = (half, weight) => [half, (x) => (Math.abs(x) < half ? weight(Math.abs(x)) : 0)];

// name -> [half width, weight at the distance x]
const FILTERS = {
  box: [0.5, (x) => (x > -0.5 && x <= 0.5 ? 1 : 0)],
  bilinear: even(1, (x) => 1 - x),
  hamming: even(1, (x) => sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x))),
  bicubic: even(2, (x) => cubic(x)),
  lanczos: even(3, (x) => sinc(x) * sinc(x / 3)),
};

// Places `first` to `first + count` of `length` pixels resized to `size`: for each the first pixel it is made of, and
// the weights of that and the following ones, which sum to BITS but for rounding.
function windows(length, size, first, count, name) {
  const scale = length / size;
  if (name === "nearest") {
    const found = [];
    for (let i = 0, at = scale / 2; i < first + count; i++, at += scale) found.push([Math.trunc(at), [BITS]]); // sums, for their rounding
    return found.slice(first);
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
    for (let place = start; place < end; place++) weights.push(filter((place - centre + 0.5) * shrink));
    const sum = weights.reduce((a, b) => a + b, 0) || 1;
    const whole = (share) => Math.trunc(share * BITS + (share < 0 ? -0.5 : 0.5));
    return [start, weights.map((weight) => whole(weight / sum))];
  });
}

const rounded = (sum) => Math.min(Math.max(Math.floor(sum / BITS + 0.5), 0), 255);

// The part `crop` {left, top, width, height} of `image` {data, width, height, channels}, 8 bits, interleaved, resized to
// `size` {width, height} by the filter `name`. What lies outside of the crop is never computed.
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
