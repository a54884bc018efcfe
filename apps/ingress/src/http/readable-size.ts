const kilo = 1024;
const mega = kilo * kilo;

/** `25 MB`, as the limits of OpenAI's documentation are written. */
export function readableSize(bytes: number): string {
  if (bytes >= mega) return `${rounded(bytes / mega)} MB`;
  return bytes >= kilo ? `${rounded(bytes / kilo)} KB` : `${bytes} bytes`;
}

/** Down: what is a little over the limit must not seem to be within it. */
function rounded(size: number): number {
  return Math.floor(size * 10) / 10;
}
