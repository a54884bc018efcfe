// Tables for people.

const plain = (value) => {
  if (value === null || value === undefined || value === '') return '-';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return String(value);
};

/** Of a text with lines: control characters in a name must not reach the terminal. */
export const printable = (text) => text.replaceAll(/[^\P{C}\n]/gu, '?');

const cellOf = (value) => printable(plain(value)).replaceAll('\n', '?');

/** For programs; the same text for them, and as harmless for a terminal. */
export function json(data) {
  const unit = (text, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`;
  const escaped = (text) => Array.from({ length: text.length }, (_, at) => unit(text, at)).join('');
  return `${JSON.stringify(data, null, 2).replaceAll(/[^\P{C}\n]/gu, escaped)}\n`;
}

/**
 * @param {{ note?: string, columns?: readonly string[], rows?: readonly (readonly unknown[])[], empty?: string }} result
 */
export function render({ note, columns, rows, empty = 'nothing there' }) {
  const parts = [];
  if (columns && rows) parts.push(rows.length === 0 ? empty : table(columns, rows));
  if (note) parts.push(printable(note));
  return `${parts.join('\n\n')}\n`;
}

function table(columns, rows) {
  const cells = rows.map((row) => row.map(cellOf));
  const widths = columns.map((name, index) => Math.max(name.length, ...cells.map((row) => row[index].length)));
  const numeric = columns.map((_name, index) => cells.every((row) => /^-?[\d.,]*$|^-$/.test(row[index])));
  const line = (row) =>
    row
      .map((text, index) => (numeric[index] ? text.padStart(widths[index]) : text.padEnd(widths[index])))
      .join('  ')
      .trimEnd();
  return [line(columns), line(widths.map((width) => '─'.repeat(width))), ...cells.map(line)].join('\n');
}

/** Unix seconds → `2026-01-31 12:00`, UTC. */
export function timeText(seconds) {
  if (seconds === null || seconds === undefined) return '-';
  return new Date(seconds * 1_000).toISOString().slice(0, 16).replace('T', ' ');
}
