import { z } from 'zod';
import type { AppDefinition } from './app-definition.js';
import { environmentTable } from './environment-table.js';
import { StartError } from './start-error.js';

/** The environment of a process, handed in by `main.ts`. */
export type Environment = Readonly<Record<string, string | undefined>>;

const portNumber = z.coerce.number().int().min(0).max(65_535);

/** What every process reads. */
export const runtimeEnvironment = z.object({
  NATS_URL: z.string().optional(),
  MODAPI_CONFIG_FILE: z.string().optional(),
  MODAPI_DRAIN_SECONDS: z.coerce.number().positive().max(3_600).default(30),
  /** Set by the local supervisor for `--scale ingress=2`. */
  MODAPI_HTTP_REUSE_PORT: z.stringbool().default(false),
  MODAPI_HEALTH_HOST: z.string().default('0.0.0.0'),
  MODAPI_HEALTH_PORT: portNumber.optional(),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.string().optional(),
  OTEL_RESOURCE_ATTRIBUTES: z.string().optional(),
});
export type RuntimeEnvironment = z.infer<typeof runtimeEnvironment>;

/** Checked values of a process: its own, and one per app in the order of the definitions. */
export interface ParsedEnvironment {
  readonly runtime: RuntimeEnvironment;
  readonly apps: readonly unknown[];
}

/** Checks all apps' variables at once; throws one `StartError` that lists every problem. */
export function parseEnvironment(definitions: readonly AppDefinition[], env: Environment): ParsedEnvironment {
  const given = withoutEmpty(env);
  const problems = new Set(unknownNames(given, definitions));
  const parse = (schema: z.ZodType<unknown>): unknown => {
    const result = schema.safeParse(given);
    for (const issue of result.error?.issues ?? []) problems.add(describe(issue, given));
    return result.data;
  };
  const runtime = parse(runtimeEnvironment) as RuntimeEnvironment;
  const apps = definitions.map((definition) => parse(definition.env));
  if (problems.size > 0) throw new StartError([...problems]);
  return { runtime, apps };
}

/** `NAME=` in a shell or a Compose file means "not set". */
function withoutEmpty(env: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''),
  );
}

/** Never shows the value: it may be a secret. */
function describe(issue: z.core.$ZodIssue, given: Record<string, string>): string {
  const name = String(issue.path[0] ?? 'environment');
  if (issue.path.length > 0 && given[name] === undefined) return `${name} is not set`;
  return `${name}: ${issue.message.replace(/^Invalid input: /, '').replace(/, received .*$/, '')}`;
}

function unknownNames(given: Record<string, string>, definitions: readonly AppDefinition[]): string[] {
  const known = new Set([...environmentTable.map((row) => row.name), ...definitions.flatMap(namesOf)]);
  return Object.keys(given)
    .filter((name) => name.startsWith('MODAPI_') && !known.has(name))
    .map((name) => {
      const near = nearest(name, [...known]);
      return `${name} is not a setting of ModAPI${near === undefined ? '' : `; did you mean ${near}?`}`;
    });
}

function namesOf(definition: AppDefinition): string[] {
  return definition.env instanceof z.ZodObject ? Object.keys(definition.env.shape) : [];
}

/** The known word that a misspelt one most likely stands for. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const limit = Math.max(2, Math.floor(word.length / 3));
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .filter(({ distance }) => distance <= limit)
    .toSorted((left, right) => left.distance - right.distance);
  return ranked[0]?.candidate;
}

/** Levenshtein, one row at a time. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let line = 1; line <= left.length; line++) {
    const next = [line];
    for (let column = 1; column <= right.length; column++) {
      const replace = (row[column - 1] ?? 0) + (left[line - 1] === right[column - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
