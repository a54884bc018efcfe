// One picture of a run: how many times the CPU of a bare proxy each system takes. Legible on a dark and on a light page.

const width = 760;
const left = 200;
const barHeight = 18;
const gap = 6;
const titles = {
  'unary-32': 'One call, not streamed (32 in flight)',
  'stream-paced': 'One chunk of 200 streams, a chunk each 20 ms',
  'stream-bursts': 'One chunk of a burst of 64',
};
const colors = {
  bare: 'other',
  'nats-hop': 'other',
  portkey: 'peer',
  'modapi-standalone': 'own',
  'modapi-cluster': 'own',
  'modapi-standalone-prepaid': 'own',
  'modapi-cluster-prepaid': 'own',
};

const escape = (text) => text.replace(/[&<>]/g, (sign) => `&#${sign.codePointAt(0)};`);

function group(rows, top, scale) {
  return rows.map((row, index) => {
    const y = top + index * (barHeight + gap);
    const length = Math.max(2, row.timesBare * scale);
    const middle = y + barHeight / 2 + 4.5;
    return [
      `<text class="name" x="${left - 10}" y="${middle}" text-anchor="end">${escape(row.system)}</text>`,
      `<rect class="${colors[row.system] ?? 'other'}" x="${left}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" rx="3"/>`,
      `<text class="value" x="${(left + length + 8).toFixed(1)}" y="${middle}">×${row.timesBare.toFixed(1)}</text>`,
    ].join('\n');
  });
}

/** @param {import('./rounds.mjs').Row[]} rows */
export function picture(rows) {
  const parts = [];
  let y = 58;
  for (const [scenario, title] of Object.entries(titles)) {
    const own = rows.filter((row) => row.scenario === scenario && row.timesBare !== null);
    if (own.length === 0) continue;
    // Each group has its own scale: what counts is the ratio within it.
    const scale = (width - left - 70) / Math.max(...own.map(({ timesBare }) => timesBare));
    parts.push(`<text class="title" x="20" y="${y + 8}">${escape(title)}</text>`);
    y += 22;
    parts.push(...group(own, y, scale));
    y += own.length * (barHeight + gap) + 22;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" role="img" aria-label="CPU per call and per chunk as multiples of a bare proxy">
<style>
text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #24292f; }
.head { font-size: 15px; font-weight: 600; }
.title { font-weight: 600; }
.value { font-variant-numeric: tabular-nums; }
.own { fill: #2f81f7; }
.peer { fill: #d4771c; }
.other { fill: #8b949e; }
@media (prefers-color-scheme: dark) { text { fill: #d1d7de; } }
</style>
<text class="head" x="20" y="28">CPU, all processes together, as multiples of a bare Node proxy (less is better)</text>
${parts.join('\n')}
</svg>
`;
}
