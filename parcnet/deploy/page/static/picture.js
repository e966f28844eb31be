// A file that somebody gives -> its pixels, or words about why not.

export class Trouble extends Error {}

// The picture in a file: upright by its EXIF note, its colours as stored, transparent parts white, 8 bits. As parcnet
// reads it in Python. Raises `Trouble` for what no picture is, and for one of more than `mostPixels`.
export async function readPicture(file, name, mostPixels) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    throw new Trouble(`${name} is not a picture that this browser can read, or a damaged one. Try a JPEG or PNG.`);
  }
  try {
    const { width, height } = bitmap;
    if (width * height > mostPixels) {
      const millions = (pixels) => Math.round(pixels / 1e6);
      throw new Trouble(
        `${name} has ${millions(width * height)} million pixels, more than the ${millions(mostPixels)} million that are ` +
          "read here: make it smaller.",
      );
    }
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Trouble(`${name} is too large for this browser: make it smaller.`);
    context.fillStyle = "white";
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0);
    let rgba;
    try {
      rgba = context.getImageData(0, 0, width, height).data;
    } catch {
      throw new Trouble(`${name} is too large for the memory of this browser: make it smaller.`);
    }
    return { name, width, height, rgba, canvas };
  } finally {
    bitmap.close();
  }
}

// Draws a picture into a canvas whose longer side has `least` to `most` px, what the network does not see darkened; returns
// where the part that it sees lies in the canvas. Small pictures are enlarged by a whole factor, so that pixels show.
export function drawPicture(canvas, picture, seen, least = 320, most = 1200) {
  const long = Math.max(picture.width, picture.height);
  const scale = long < least ? Math.ceil(least / long) : Math.min(1, most / long);
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = scale < 1;
  context.drawImage(picture.canvas, 0, 0, canvas.width, canvas.height);
  const across = canvas.width / seen.size.width;
  const down = canvas.height / seen.size.height;
  const part = {
    left: seen.crop.left * across,
    top: seen.crop.top * down,
    width: seen.crop.width * across,
    height: seen.crop.height * down,
  };
  const outside = new Path2D();
  outside.rect(0, 0, canvas.width, canvas.height);
  outside.rect(part.left, part.top, part.width, part.height);
  context.fillStyle = "rgb(0 0 0 / 0.5)";
  context.fill(outside, "evenodd");
  return part;
}
