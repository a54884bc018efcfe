import type { Random } from '../random.js';

interface Format {
  readonly accepts: (text: string) => boolean;
  readonly sample: (random: Random) => string;
}

const two = (value: number): string => String(value).padStart(2, '0');
const hex = (random: Random, length: number): string =>
  Array.from({ length }, () => random.integer(0, 15).toString(16)).join('');

const date = (random: Random): string => `2026-${two(random.integer(1, 12))}-${two(random.integer(1, 28))}`;
const time = (random: Random): string =>
  `${two(random.integer(0, 23))}:${two(random.integer(0, 59))}:${two(random.integer(0, 59))}Z`;

const datePattern = /^(\d{4})-(\d{2})-(\d{2})$/;
const timePattern = /^([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(z|[+-]([01]\d|2[0-3]):?[0-5]\d)$/i;

function isDate(text: string): boolean {
  const [, year, month, day] = datePattern.exec(text) ?? [];
  if (year === undefined || month === undefined || day === undefined) return false;
  const parsed = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return parsed.getUTCMonth() === Number(month) - 1 && parsed.getUTCDate() === Number(day);
}

function isDateTime(text: string): boolean {
  const [day = '', clock = ''] = text.split(/t|\s/i, 2);
  return isDate(day) && timePattern.test(clock);
}

const word = (random: Random): string =>
  random.pick(['river', 'lamp', 'garden', 'harbour', 'paper', 'signal'] as const);

const email: Format = {
  accepts: (text) =>
    text.length < 320 &&
    /^[a-z0-9!#$%&'*+/=?^_{|}~-]{1,64}(?:\.[a-z0-9!#$%&'*+/=?^_{|}~-]{1,64}){0,10}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,10}[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(
      text,
    ),
  sample: (random) => `${word(random)}.${random.integer(10, 99)}@example.com`,
};
const hostname: Format = {
  accepts: (text) =>
    text.length < 254 &&
    /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){0,20}[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(text),
  sample: (random) => `${word(random)}.example.com`,
};
const uri: Format = {
  accepts: (text) => /^[a-z][a-z0-9+.-]*:[^\s<>"{}|\\^`]+$/i.test(text) && URL.canParse(text),
  sample: (random) => `https://example.com/${word(random)}/${random.integer(1, 999)}`,
};
const reference: Format = {
  accepts: (text) => /^[^\s<>"{}|\\^`]*$/.test(text),
  sample: (random) => `/${word(random)}/${random.integer(1, 999)}`,
};

/** Formats of JSON Schema 2020-12 §7.3; one entry each. A format that is not listed says nothing. */
const formats = new Map<string, Format>([
  ['date-time', { accepts: isDateTime, sample: (random) => `${date(random)}T${time(random)}` }],
  ['date', { accepts: isDate, sample: date }],
  ['time', { accepts: (text) => timePattern.test(text), sample: time }],
  [
    'duration',
    {
      accepts: (text) => /^P(?!$)(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?$|^P\d+W$/.test(text),
      sample: (random) => `P${random.integer(1, 9)}DT${random.integer(1, 23)}H`,
    },
  ],
  ['email', email],
  ['idn-email', email],
  ['hostname', hostname],
  ['idn-hostname', hostname],
  [
    'ipv4',
    {
      accepts: (text) => /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/.test(text),
      sample: (random) => `192.0.2.${random.integer(1, 254)}`,
    },
  ],
  [
    'ipv6',
    {
      accepts: (text) => text.includes(':') && URL.canParse(`http://[${text}]/`),
      sample: (random) =>
        `2001:db8:${hex(random, 3)}:${hex(random, 3)}:${hex(random, 3)}:${hex(random, 3)}:${hex(random, 3)}:1`,
    },
  ],
  ['uri', uri],
  ['iri', uri],
  ['url', uri],
  ['uri-reference', reference],
  ['iri-reference', reference],
  ['uri-template', { accepts: (text) => !/[\s<>]/.test(text), sample: (random) => `/${word(random)}/{id}` }],
  [
    'uuid',
    {
      accepts: (text) => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text),
      sample: (random) =>
        `${hex(random, 8)}-${hex(random, 4)}-4${hex(random, 3)}-a${hex(random, 3)}-${hex(random, 12)}`,
    },
  ],
  [
    'json-pointer',
    { accepts: (text) => /^(?:\/(?:[^~/]|~0|~1)*)*$/.test(text), sample: (random) => `/${word(random)}/0` },
  ],
  [
    'relative-json-pointer',
    {
      accepts: (text) => /^(?:0|[1-9]\d*)(?:#|(?:\/(?:[^~/]|~0|~1)*)*)$/.test(text),
      sample: (random) => `${random.integer(0, 3)}/${word(random)}`,
    },
  ],
  ['regex', { accepts: isExpression, sample: (random) => `^${word(random)}-[0-9]+$` }],
  [
    'byte',
    {
      accepts: (text) => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text),
      sample: (random) => Buffer.from(word(random)).toString('base64'),
    },
  ],
]);

function isExpression(text: string): boolean {
  try {
    new RegExp(text, 'u');
    return true;
  } catch {
    return false;
  }
}

/** Whether a text has a format; true for unknown formats. */
export function hasFormat(text: string, name: string): boolean {
  return formats.get(name)?.accepts(text) ?? true;
}

/** A text of a known format, or undefined. */
export function sampleFormat(name: string, random: Random): string | undefined {
  return formats.get(name)?.sample(random);
}
