const nameBytes = 200;
// Control characters, those that change the direction of text or have no width, and line separators.
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufff0-\uffff]/gu;

/**
 * A caller's file name as the provider may see it: without folders and unseen characters, short, with the extension of
 * what the file is, since providers go by it.
 */
export function relayedName(given: string, extension: string, accepted: readonly string[]): string {
  const base = (given.split(/[/\\]/).at(-1) ?? '')
    .replaceAll(unseen, '')
    .replaceAll(/["<>|:*?]/g, '_')
    .trim();
  const dot = base.lastIndexOf('.');
  const [stem, had] = dot < 0 ? [base, ''] : [base.slice(0, dot), base.slice(dot + 1).toLowerCase()];
  const kept = accepted.includes(had) ? had : extension;
  return `${shortened(stem.replace(/^\.+/, '')) || 'file'}.${kept}`;
}

/** Never in the middle of a character. */
function shortened(stem: string): string {
  let short = '';
  let bytes = 0;
  for (const character of stem) {
    bytes += Buffer.byteLength(character);
    if (bytes > nameBytes - 8) break;
    short += character;
  }
  return short.isWellFormed() ? short : short.toWellFormed();
}
