/** Dots of a letter, 5 wide and 7 high. */
export const glyphWidth = 5;
export const glyphHeight = 7;

/** Rows from the top, five bits each in base 32 (`0` to `v`), the leftmost dot being the highest bit. */
const glyphs: Readonly<Record<string, string>> = {
  A: 'ehhvhhh',
  B: 'uhhuhhu',
  C: 'ehggghe',
  D: 'uhhhhhu',
  E: 'vgguggv',
  F: 'vgguggg',
  G: 'ehgnhhf',
  H: 'hhhvhhh',
  I: 'e44444e',
  J: '72222ic',
  K: 'hikokih',
  L: 'ggggggv',
  M: 'hrllhhh',
  N: 'hhpljhh',
  O: 'ehhhhhe',
  P: 'uhhuggg',
  Q: 'ehhhlid',
  R: 'uhhukih',
  S: 'fgge11u',
  T: 'v444444',
  U: 'hhhhhhe',
  V: 'hhhhha4',
  W: 'hhhllla',
  X: 'hha4ahh',
  Y: 'hhha444',
  Z: 'v1248gv',
  0: 'ehjlphe',
  1: '4c4444e',
  2: 'eh1248v',
  3: 'v2421he',
  4: '26aiv22',
  5: 'vgu11he',
  6: '68guhhe',
  7: 'v124888',
  8: 'ehhehhe',
  9: 'ehhf12c',
  '.': '00000cc',
  ',': '0000cc8',
  ':': '0cc0cc0',
  ';': '0cc0cc8',
  '!': '4444004',
  '?': 'eh12404',
  "'": 'cc80000',
  '"': 'aaa0000',
  '-': '000v000',
  '+': '044v440',
  '(': '2488842',
  ')': '8422248',
  '/': '01248g0',
  '&': 'cikclid',
  '%': 'op248j3',
  '#': 'aavavaa',
  '*': '04lel40',
  '=': '00v0v00',
  _: '000000v',
  '@': 'ehnlnge',
};
/** For everything that the font does not have. */
const box = 'vhhhhhv';

/** Whether a dot of a character is set; capital letters stand for small ones. */
export function hasDot(character: string, column: number, row: number): boolean {
  if (character === ' ') return false;
  const rows = glyphs[character.toUpperCase()] ?? box;
  const bits = Number.parseInt(rows[row] ?? '0', 32);
  return ((bits >> (glyphWidth - 1 - column)) & 1) === 1;
}
