let last = 0;

/** A subject that no other test uses. */
export function freshSubject(prefix = 'call.v1.test'): string {
  last += 1;
  return `${prefix}.t${process.pid}n${last}`;
}
