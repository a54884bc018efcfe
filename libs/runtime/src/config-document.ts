import { createHash } from 'node:crypto';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { gatewayConfig, type GatewayConfig } from '#libs/contracts';
import { salvageConfig } from './salvage-config.js';

/** modapi.yaml, read: a configuration with what the schema says of it, or why the file cannot be read at all. */
export type ConfigDocument =
  | {
      /** With schema problems: the entries without any, good for checking and nothing else. */
      readonly config: GatewayConfig;
      readonly revision: string;
      readonly hasSchemaProblems: boolean;
      /**
       * The schema's problems and those of what was built from `config`, each with file and line. A problem of the
       * latter starts with its path: `providers.groq.apiKey: …`; one that only follows from a schema problem is left out.
       */
      readonly problemsWith: (derived: Iterable<string>) => string[];
    }
  | { readonly config: undefined; readonly problems: readonly string[] };

/** What holds when there is no file. */
export const emptyConfig: GatewayConfig = gatewayConfig.parse({ apiVersion: 'modapi/v1' });

/** Parses and checks the text; every problem has the line and the path in the file. */
export function parseConfigText(text: string, file: string): ConfigDocument {
  const lines = new LineCounter();
  // maxAliasCount: a few lines of aliases of aliases would otherwise fill the memory.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => `${file}:${lines.linePos(error.pos[0]).line}: ${error.message}`);
    return { config: undefined, problems };
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return { config: undefined, problems: [`${file}: ${(error as Error).message}`] };
  }
  const locate = (problem: string): string => `${file}${lineOf(pathIn(problem), document, lines)}: ${problem}`;
  const revision = revisionOf(text);
  const result = gatewayConfig.safeParse(value ?? {});
  if (result.success) {
    const problemsWith = (derived: Iterable<string>): string[] => [...derived].map(locate);
    return { config: result.data, revision, hasSchemaProblems: false, problemsWith };
  }
  const problems = result.error.issues.flatMap((issue) => describe(issue, document, lines));
  const { config, isFollowUp } = salvageConfig(value);
  const problemsWith = (derived: Iterable<string>): string[] => [
    ...problems.map((problem) => `${file}${problem}`),
    ...[...derived].filter((problem) => !isFollowUp(problem)).map(locate),
  ];
  return { config, revision, hasSchemaProblems: true, problemsWith };
}

function describe(issue: z.core.$ZodIssue, document: Document, lines: LineCounter): string[] {
  // An unknown key is reported at the key itself, one line each.
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      return `${lineOf(path, document, lines)}: ${pathOf(path)} is not a setting`;
    });
  }
  const missing = !document.hasIn(issue.path as (string | number)[]) && issue.path.length > 0;
  const message = missing ? 'is missing' : issue.message.replace(/^Invalid input: /, '');
  return [`${lineOf(issue.path, document, lines)}: ${pathOf(issue.path)}${missing ? ' ' : ': '}${message}`];
}

/** The line of the nearest thing that exists in the file. */
function lineOf(path: readonly PropertyKey[], document: Document, lines: LineCounter): string {
  for (let length = path.length; length > 0; length--) {
    const parts = path.slice(0, length) as (string | number)[];
    const node = keyOf(parts, document) ?? document.getIn(parts, true);
    if (isNode(node) && node.range) return `:${lines.linePos(node.range[0]).line}`;
  }
  return '';
}

/** The key itself where there is one: its value may begin a line later. */
function keyOf(path: readonly (string | number)[], document: Document): unknown {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  return parent.items.find((pair) => isScalar(pair.key) && pair.key.value === path.at(-1))?.key;
}

/** `models[0].deployments[1].provider: …` → the parts. */
function pathIn(problem: string): (string | number)[] {
  const path = /^[\w$-]+(?:\.[\w-]+|\[\d+\])*/.exec(problem)?.[0] ?? '';
  return [...path.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([part, index]) => (index === undefined ? part : Number(index)));
}

function pathOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the file';
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

/** Short hash of the text: the same file is the same revision in every process. */
export function revisionOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
