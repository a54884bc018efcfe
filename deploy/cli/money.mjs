// Dollars for people, integer nano-dollars for the ledger; never a float in between.

const digits = 9;
/** More is no amount: the API takes 18 digits of nano-dollars. */
export const mostDollars = '999999999.999999999';

/** `"12.5"` → `"12500000000"`; undefined for what is no amount. @param {string} text */
export function nanosOfDollars(text) {
  const match = /^\$?(\d{1,9})(?:\.(\d{1,9}))?$/.exec(text);
  return match ? String(BigInt(match[1] + (match[2] ?? '').padEnd(digits, '0'))) : undefined;
}

/** `"12500000000"` → `"12.50"`; at least two decimals, all that there are. @param {string | bigint} nanos */
export function dollarsOfNanos(nanos) {
  const amount = BigInt(nanos);
  const text = String(amount < 0n ? -amount : amount).padStart(digits + 1, '0');
  const fraction = text.slice(-digits).replace(/0+$/, '').padEnd(2, '0');
  return `${amount < 0n ? '-' : ''}${text.slice(0, -digits)}.${fraction}`;
}
