const nanosPerDollar = 1_000_000_000n;

/** The double nearest to an amount: its digits are parsed once, since a division would round a second time. */
export function dollarsOf(nanos: bigint): number {
  const size = nanos < 0n ? -nanos : nanos;
  const text = `${size / nanosPerDollar}.${(size % nanosPerDollar).toString().padStart(9, '0')}`;
  return nanos < 0n ? -Number(text) : Number(text);
}
