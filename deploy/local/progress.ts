const quietMs = 2_000;

/** Runs a piece of work; says what is going on if it takes longer than a moment, and how long it took. */
export async function withProgress<T>(label: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  let said = false;
  const timer = setTimeout(() => {
    said = true;
    process.stderr.write(`${label} …\n`);
  }, quietMs);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
    if (said) process.stderr.write(`${label}: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s\n`);
  }
}
