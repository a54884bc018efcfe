import { GatewayError } from '#libs/contracts';

/** OpenAI's keys have scopes, these have none; granting all is the same as naming none. */
export function refuseScopes(scopes: readonly string[] | undefined): void {
  if (scopes === undefined || scopes.length === 0) return;
  throw new GatewayError(
    'unsupported_parameter',
    '`scopes` are not supported. Leave it out, and restrict the key with `models`, `ip_allow_list` and its limits.',
    { param: 'scopes' },
  );
}

/** A change without a change is a mistake of whoever wrote it. */
export function refuseEmptyChange(change: object, names: string): void {
  if (Object.values(change).some((value) => value !== undefined)) return;
  throw new GatewayError('missing_required_parameter', `Nothing to change was given. Give at least one of ${names}.`);
}

/** `expires_at` as a time to come. */
export function expiryOf(body: {
  expires_at?: number | null | undefined;
  expires_in_seconds?: number | null | undefined;
}) {
  const { expires_at: expiresAt, expires_in_seconds: expiresInSeconds } = body;
  if (typeof expiresAt !== 'number') return { expiresInSeconds };
  if (typeof expiresInSeconds === 'number') {
    throw wrongExpiry('Give either `expires_at` or `expires_in_seconds`, not both.');
  }
  if (expiresAt * 1_000 <= Date.now()) throw wrongExpiry('`expires_at` is over. Give Unix seconds in the future.');
  return { expiresAt: new Date(expiresAt * 1_000) };
}

/** The SQL assignments of what was given; null lifts, absent stays. Column names come from `columns` alone. */
export function assignmentsOf(
  columns: Readonly<Record<string, string>>,
  change: Readonly<Record<string, unknown>>,
  values: unknown[],
): string[] {
  return Object.entries(columns).flatMap(([name, column]) => {
    if (change[name] === undefined) return [];
    values.push(change[name]);
    return [`${column} = $${values.length}`];
  });
}

function wrongExpiry(message: string): GatewayError {
  return new GatewayError('invalid_value', message, { param: 'expires_at' });
}
