/** A stretch of time in Unix seconds: start inclusive, end exclusive. */
export interface TimeRange {
  readonly start: number;
  readonly end: number;
}

/** Of the roll-ups, coarse to fine. */
const grains = [
  { name: 'day', seconds: 86_400 },
  { name: 'hour', seconds: 3_600 },
  { name: 'minute', seconds: 60 },
] as const;
type Grain = (typeof grains)[number];

/** A part of a range that the roll-ups of one grain cover without a rest. */
export interface Piece extends TimeRange {
  readonly grain: Grain['name'];
}

export function floorTo(second: number, seconds: number): number {
  return Math.floor(second / seconds) * seconds;
}

export function ceilTo(second: number, seconds: number): number {
  return Math.ceil(second / seconds) * seconds;
}

/**
 * The range from the coarsest roll-ups that are no wider than a bucket; what sticks out of whole days or hours at its
 * ends comes from finer ones. The range begins and ends at whole minutes.
 */
export function piecesOf(range: TimeRange, bucketSeconds: number): Piece[] {
  return split(
    range,
    grains.filter((grain) => grain.seconds <= bucketSeconds),
  );
}

function split(range: TimeRange, usable: readonly Grain[]): Piece[] {
  const [grain, ...finer] = usable;
  if (!grain || range.start >= range.end) return [];
  const start = ceilTo(range.start, grain.seconds);
  const end = floorTo(range.end, grain.seconds);
  if (start >= end) return split(range, finer);
  return [
    ...split({ start: range.start, end: start }, finer),
    { grain: grain.name, start, end },
    ...split({ start: end, end: range.end }, finer),
  ];
}

/** At most `limit` buckets from the range's start on; the first and last end where the range does, as OpenAI's do. */
export function bucketsOf(range: TimeRange, bucketSeconds: number, limit: number): TimeRange[] {
  const buckets: TimeRange[] = [];
  let { start } = range;
  while (start < range.end && buckets.length < limit) {
    const end = Math.min(floorTo(start, bucketSeconds) + bucketSeconds, range.end);
    buckets.push({ start, end });
    start = end;
  }
  return buckets;
}
