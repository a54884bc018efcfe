/** Every file that the sandbox speaks says in its metadata what was spoken: what is transcribed is what was said. */
const marker = 'MODAPI-SANDBOX-TEXT=';

export interface SpokenText {
  readonly text: string;
  readonly seconds: number;
}

/** ASCII, for any container's comment. */
export function spokenMarker({ text, seconds }: SpokenText): string {
  return `${marker}${seconds.toFixed(3)}:${Buffer.from(text).toString('base64url')};`;
}

/** The marker in a file, wherever its container keeps it; undefined for audio from elsewhere. */
export function readSpokenMarker(file: Buffer): SpokenText | undefined {
  const at = file.indexOf(marker);
  if (at < 0) return undefined;
  const end = file.indexOf(';', at);
  const match = /^([\d.]+):([\w-]*)$/.exec(file.toString('latin1', at + marker.length, Math.max(at, end)));
  if (!match) return undefined;
  return { seconds: Number(match[1]), text: Buffer.from(match[2] ?? '', 'base64url').toString() };
}
