/** Whether a subject falls under a filter with NATS wildcards: `*` is one word, a last `>` is one or more. */
export function subjectMatches(filter: string, subject: string): boolean {
  if (filter === subject) return true;
  const wanted = filter.split('.');
  const words = subject.split('.');
  for (const [index, want] of wanted.entries()) {
    if (want === '>') return words.length > index;
    const word = words[index];
    if (word === undefined || (want !== '*' && want !== word)) return false;
  }
  return wanted.length === words.length;
}
