// A class's map of evidence over the picture.

const STOPS = [[40, 20, 110], [140, 30, 130], [222, 70, 90], [252, 150, 50], [252, 235, 120]]; // dark to light

// The colour of a heat from 0 to 1.
export function colour(heat) {
  const place = Math.min(Math.max(heat, 0), 1) * (STOPS.length - 1);
  const below = Math.min(Math.floor(place), STOPS.length - 2);
  return STOPS[below].map((low, i) => Math.round(low + (STOPS[below + 1][i] - low) * (place - below)));
}

// Where a pixel of an enlarged line lies between two of `length` places: [place, next, share of the next].
function between(pixel, size, length) {
  const at = Math.max(((pixel + 0.5) * length) / size - 0.5, 0);
  const place = Math.min(Math.floor(at), length - 1);
  return [place, Math.min(place + 1, length - 1), at - place];
}

// Grad-CAM's picture of a map [h, w]: without what speaks against the class, enlarged bilinearly to [height, width] and
// divided by its largest value. All zeros where no place speaks for the class.
export function enlarged(map, [h, w], [height, width]) {
  const found = new Float32Array(height * width);
  const columns = Array.from({ length: width }, (_, x) => between(x, width, w));
  let largest = 0;
  for (let y = 0; y < height; y++) {
    const [above, below, down] = between(y, height, h);
    for (let x = 0; x < width; x++) {
      const [left, right, across] = columns[x];
      const line = (row) =>
        Math.max(map[row * w + left], 0) * (1 - across) + Math.max(map[row * w + right], 0) * across;
      const value = line(above) * (1 - down) + line(below) * down;
      found[y * width + x] = value;
      largest = Math.max(largest, value);
    }
  }
  return largest > 0 ? found.map((value) => value / largest) : found;
}

// Draws heat [height, width] into the rectangle `part` of a canvas: little heat is clear, much is opaque.
export function drawHeat(canvas, heat, [height, width], part) {
  const small = new OffscreenCanvas(width, height);
  const image = new ImageData(width, height);
  heat.forEach((value, i) => image.data.set([...colour(value), Math.round(255 * Math.min(1.4 * value, 1))], 4 * i));
  small.getContext("2d").putImageData(image, 0, 0);
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = true;
  context.drawImage(small, part.left, part.top, part.width, part.height);
}

// Draws the scale of colours from left to right.
export function drawScale(canvas) {
  const context = canvas.getContext("2d");
  for (let x = 0; x < canvas.width; x++) {
    const heat = x / (canvas.width - 1);
    context.fillStyle = `rgb(${colour(heat).join(" ")} / ${Math.min(1.4 * heat, 1)})`;
    context.fillRect(x, 0, 1, 1);
  }
}
