import { glyphHeight, glyphWidth, hasDot } from './font.js';

/** Pixels in rows, three bytes each. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Buffer;
}

type Color = readonly [number, number, number];

const ink: Color = [255, 255, 255];
const margin = 0.08;
const longestText = 400;

/** A picture that shows its prompt, on two colors that follow from `seed`; the same input gives the same picture. */
export function drawPrompt(
  prompt: string,
  size: { readonly width: number; readonly height: number },
  seed: number,
): Picture {
  const { width, height } = size;
  const pixels = Buffer.alloc(width * height * 3);
  paintBackground(pixels, size, seed);
  const text = prompt.slice(0, longestText);
  const { lines, scale } = fitText(text, width * (1 - 2 * margin), height * (1 - 2 * margin));
  const lineHeight = (glyphHeight + 2) * scale;
  const top = Math.max(0, Math.floor((height - lines.length * lineHeight) / 2));
  for (const [index, line] of lines.entries()) {
    const left = Math.max(0, Math.floor((width - line.length * (glyphWidth + 1) * scale) / 2));
    drawLine(line, { left, top: top + index * lineHeight, scale }, { width, height, pixels });
  }
  return { width, height, pixels };
}

/** From the upper left to the lower right, in bands, so that a scaled copy is seen to be one. */
function paintBackground(pixels: Buffer, { width, height }: { width: number; height: number }, seed: number): void {
  const from = colorOf(seed);
  const to = colorOf(seed + 1);
  for (let row = 0; row < height; row++) {
    const start = row * width * 3;
    for (let column = 0; column < width; column++) {
      const part = (row / height + column / width) / 2;
      for (let channel = 0; channel < 3; channel++) {
        const [low = 0, high = 0] = [from[channel], to[channel]];
        pixels[start + column * 3 + channel] = Math.round(low + (high - low) * part);
      }
    }
  }
}

/** Dark enough for white letters. */
function colorOf(seed: number): Color {
  const mixed = Math.imul(seed + 0x9e3779b9, 0x85ebca6b) >>> 0;
  return [24 + (mixed & 0x7f), 24 + ((mixed >>> 8) & 0x7f), 24 + ((mixed >>> 16) & 0x7f)];
}

/** The largest letters with which the words fit; words are not broken unless they must be. */
function fitText(text: string, width: number, height: number): { lines: string[]; scale: number } {
  for (let scale = Math.max(1, Math.floor(height / 12)); scale > 1; scale--) {
    const columns = Math.floor(width / ((glyphWidth + 1) * scale));
    const lines = wrap(text, columns);
    if (columns > 0 && lines.length * (glyphHeight + 2) * scale <= height) return { lines, scale };
  }
  return { lines: wrap(text, Math.max(1, Math.floor(width / (glyphWidth + 1)))), scale: 1 };
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter((each) => each !== '')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else if (word.length <= columns || columns < 1) lines.push(word);
    else for (let start = 0; start < word.length; start += columns) lines.push(word.slice(start, start + columns));
  }
  return lines;
}

function drawLine(
  line: string,
  at: { readonly left: number; readonly top: number; readonly scale: number },
  picture: Picture,
): void {
  for (const [index, character] of Array.from(line).entries()) {
    const left = at.left + index * (glyphWidth + 1) * at.scale;
    for (let dot = 0; dot < glyphWidth * glyphHeight; dot++) {
      const [column, row] = [dot % glyphWidth, Math.floor(dot / glyphWidth)];
      if (hasDot(character, column, row)) {
        fill(picture, { left: left + column * at.scale, top: at.top + row * at.scale, size: at.scale });
      }
    }
  }
}

function fill(
  { width, height, pixels }: Picture,
  { left, top, size }: { left: number; top: number; size: number },
): void {
  for (let row = top; row < Math.min(top + size, height); row++) {
    for (let column = left; column < Math.min(left + size, width); column++)
      pixels.set(ink, (row * width + column) * 3);
  }
}
