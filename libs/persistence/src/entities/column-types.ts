/** bigint columns: pg gives strings, since a JS number loses digits beyond 2^53. */
export const bigintColumn = {
  type: 'bigint',
  transformer: { to: (value: bigint) => value.toString(), from: (value: string) => BigInt(value) },
} as const;
