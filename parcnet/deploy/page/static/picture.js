// Decode an image file into pixels, or raise an error for the user.

export class Trouble extends Error {}

// The image in a file as parcnet reads it in Python: EXIF orientation applied, colours as stored, transparency on white,
// 8 bits. Throws `Trouble` for a file that is not an image, and above `mostPixels`.
export async function readPicture(file, name, mostPixels) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    throw new Trouble(`${name} is damaged, or not an image that this browser can read. Try a JPEG or PNG.`);
  }
  try {
    const { width, height } = bitmap;
    if (width * height > mostPixels) {
      const millions = (pixels) => Math.round(pixels / 1e6);
      throw new Trouble(
        `${name} has ${millions(width * height)} million pixels; the limit is ${millions(mostPixels)} million. ` +
          "Downscale it.",
      );
    }
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Trouble(`${name} is too large for this browser: downscale it.`);
    context.fillStyle = "white";
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0);
    let rgba;
    try {
      rgba = context.getImageData(0, 0, width, height).data;
    } catch {
      throw new Trouble(`${name} is too large for this browser's memory: downscale it.`);
    }
    return { name, width, height, rgba, canvas };
  } finally {
    bitmap.close();
  }
}

// Draws an image into a canvas whose longer side has `least` to `most` px, darkened outside the network's crop; returns
// that crop in the canvas. Small images are enlarged by an integer factor, so that pixels stay sharp.
export function drawPicture(canvas, picture, input, least = 320, most = 1200) {
  const long = Math.max(picture.width, picture.height);
  const scale = long < least ? Math.ceil(least / long) : Math.min(1, most / long);
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = scale < 1;
  context.drawImage(picture.canvas, 0, 0, canvas.width, canvas.height);
  const across = canvas.width / input.size.width;
  const down = canvas.height / input.size.height;
  const crop = {
    left: input.crop.left * across,
    top: input.crop.top * down,
    width: input.crop.width * across,
    height: input.crop.height * down,
  };
  const outside = new Path2D();
  outside.rect(0, 0, canvas.width, canvas.height);
  outside.rect(crop.left, crop.top, crop.width, crop.height);
  context.fillStyle = "rgb(0 0 0 / 0.5)";
  context.fill(outside, "evenodd");
  return crop;
}
