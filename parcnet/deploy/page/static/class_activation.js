// Class activation maps over the image.

const STOPS = [[40, 20, 110], [140, 30, 130], [222, 70, 90], [252, 150, 50], [252, 235, 120]]; // dark to light

// The colour of a value from 0 to 1.
export function colour(value) {
  const position = Math.min(Math.max(value, 0), 1) * (STOPS.length - 1);
  const below = Math.min(Math.floor(position), STOPS.length - 2);
  return STOPS[below].map((low, i) => Math.round(low + (STOPS[below + 1][i] - low) * (position - below)));
}

// Bilinear source of a pixel of an axis of `size` px upsampled from `length`: [index, next index, weight of the next].
function source(pixel, size, length) {
  const at = Math.max(((pixel + 0.5) * length) / size - 0.5, 0);
  const index = Math.min(Math.floor(at), length - 1);
  return [index, Math.min(index + 1, length - 1), at - index];
}

// Grad-CAM of a map [h, w]: ReLU, bilinear upsampling to [height, width], division by the maximum. All zeros without
// evidence for the class.
export function upsampled(map, [h, w], [height, width]) {
  const values = new Float32Array(height * width);
  const columns = Array.from({ length: width }, (_, x) => source(x, width, w));
  let largest = 0;
  for (let y = 0; y < height; y++) {
    const [above, below, down] = source(y, height, h);
    for (let x = 0; x < width; x++) {
      const [left, right, across] = columns[x];
      const line = (row) =>
        Math.max(map[row * w + left], 0) * (1 - across) + Math.max(map[row * w + right], 0) * across;
      const value = line(above) * (1 - down) + line(below) * down;
      values[y * width + x] = value;
      largest = Math.max(largest, value);
    }
  }
  return largest > 0 ? values.map((value) => value / largest) : values;
}

// Draws values [height, width] into the rectangle `crop` of a canvas: low values are transparent, high ones opaque.
export function drawMap(canvas, values, [height, width], crop) {
  const small = new OffscreenCanvas(width, height);
  const image = new ImageData(width, height);
  values.forEach((value, i) => image.data.set([...colour(value), Math.round(255 * Math.min(1.4 * value, 1))], 4 * i));
  small.getContext("2d").putImageData(image, 0, 0);
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = true;
  context.drawImage(small, crop.left, crop.top, crop.width, crop.height);
}

// Draws the colour scale from left to right.
export function drawScale(canvas) {
  const context = canvas.getContext("2d");
  for (let x = 0; x < canvas.width; x++) {
    const value = x / (canvas.width - 1);
    context.fillStyle = `rgb(${colour(value).join(" ")} / ${Math.min(1.4 * value, 1)})`;
    context.fillRect(x, 0, 1, 1);
  }
}
