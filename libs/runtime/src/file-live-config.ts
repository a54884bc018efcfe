import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { GatewayConfig } from '#libs/contracts';
import type { Logger } from '#libs/telemetry';
import { type ConfigDocument, emptyConfig, parseConfigText } from './config-document.js';
import type { Derived, Live, LiveConfig } from './live-config.js';
import { StartError } from './start-error.js';
import { watchFile } from './watch-file.js';

interface Entry {
  readonly build: (config: GatewayConfig) => Derived<unknown>;
  readonly live: { current: unknown };
}

type ReadableDocument = Extract<ConfigDocument, { readonly config: GatewayConfig }>;

const noFile: ReadableDocument = {
  config: emptyConfig,
  revision: 'none',
  hasSchemaProblems: false,
  problemsWith: (derived) => [...derived],
};

/** `LiveConfig` over a file that is watched; without a file, an empty configuration for ever. */
export class FileLiveConfig implements LiveConfig {
  private readonly entries: Entry[] = [];
  /** A set: in one process several apps may build the same thing. */
  private readonly startProblems = new Set<string>();
  private readonly warned = new Set<string>();
  private document: ReadableDocument;
  private stopWatching: (() => void) | undefined;

  constructor(
    private readonly file: string | undefined,
    private readonly logger: Logger,
  ) {
    this.document = file === undefined ? noFile : this.loadFirst(file);
  }

  derive<T>(build: (config: GatewayConfig) => Derived<T>): Live<T> {
    const derived = attempt(build, this.document.config);
    // A value that could not be built is never read: `assertValid` refuses the start.
    for (const problem of derived.problems) this.startProblems.add(problem);
    // Of a part of the file, warnings may be wrong.
    if (!this.document.hasSchemaProblems) this.warn([derived]);
    const live = { current: derived.value };
    this.entries.push({ build, live });
    return live as Live<T>;
  }

  /** After all values were derived: refuses a start on a configuration with problems, and lists all of them. */
  assertValid(): void {
    const problems = this.document.problemsWith(this.startProblems);
    if (problems.length > 0) throw new StartError(problems);
  }

  /** Reloads on a change of the file. */
  watch(): void {
    if (this.file === undefined) return;
    this.stopWatching = watchFile(this.file, this.document.revision, () => void this.reload());
  }

  close(): void {
    this.stopWatching?.();
  }

  /** Swaps all derived values at once, or keeps all of them and logs why. True if the new configuration is in force. */
  reload(): boolean {
    if (this.file === undefined) return true;
    const text = this.read(this.file);
    if (typeof text !== 'string') return this.refuse([text.problem]);
    const document = parseConfigText(text, this.file);
    if (document.config === undefined) return this.refuse(document.problems);
    const { config, revision } = document;
    const built = this.entries.map((entry) => ({ entry, derived: attempt(entry.build, config) }));
    const problems = document.problemsWith(new Set(built.flatMap(({ derived }) => derived.problems)));
    if (problems.length > 0) return this.refuse(problems);
    // No await between these lines: a call sees the old values or the new ones, never a mixture.
    for (const { entry, derived } of built) entry.live.current = derived.value;
    this.document = document;
    this.warned.clear();
    this.warn(built.map(({ derived }) => derived));
    this.logger.info({ file: this.file, revision }, 'configuration reloaded');
    return true;
  }

  /** Once each: in one process several apps may build the same thing. */
  private warn(derived: readonly Derived<unknown>[]): void {
    for (const warning of derived.flatMap(({ warnings }) => warnings ?? [])) {
      if (this.warned.has(warning)) continue;
      this.warned.add(warning);
      this.logger.warn({ reason: warning }, 'a part of the configuration may not be meant');
    }
  }

  private refuse(problems: readonly string[]): false {
    const fields = { problems, revision: this.document.revision, ...(this.file !== undefined && { file: this.file }) };
    this.logger.error(fields, 'the new configuration has problems; the last good one stays in force');
    return false;
  }

  private loadFirst(file: string): ReadableDocument {
    const text = this.read(file);
    if (typeof text !== 'string') throw new StartError([text.problem]);
    const document = parseConfigText(text, file);
    if (document.config === undefined) throw new StartError(document.problems);
    return document;
  }

  private read(file: string): string | { problem: string } {
    try {
      return readFileSync(resolve(file), 'utf8');
    } catch (error) {
      return { problem: `cannot read the configuration ${file} (${(error as NodeJS.ErrnoException).code})` };
    }
  }
}

function attempt<T>(build: (config: GatewayConfig) => Derived<T>, config: GatewayConfig): Derived<T | undefined> {
  try {
    return build(config);
  } catch (error) {
    return { value: undefined, problems: [(error as Error).message] };
  }
}
