import type { Redis } from 'ioredis';
import { GatewayError, type RateLimitRule } from '#libs/contracts';
import { ConcurrencyLeases } from './concurrency-leases.js';
import { type Counted, MinuteCounters } from './minute-counters.js';

/** One request that wants to be let in. */
export interface LimitedRequest {
  readonly requestId: string;
  readonly model: string;
  /** Prompt and the largest answer asked for, estimated. */
  readonly tokens: number;
}

/** A request that was let in under limits. */
export interface LimitTicket {
  /** `x-ratelimit-*`, names and values in turn, of the limit that is nearest to its end. */
  readonly headers: readonly string[];
  /** The request is over; `tokens` as they were counted in the end, undefined where nobody knows. */
  finish(tokens: number | undefined): void;
}

interface Taken {
  readonly rule: RateLimitRule;
  readonly unit: 'requests' | 'tokens';
  readonly key: string;
  readonly amount: number;
  readonly counted: Counted;
}

/** Requests and tokens per minute, and requests at once, per key, project and model. Limits are soft; money is not. */
export class RateLimits {
  private readonly requests: MinuteCounters;
  private readonly tokens: MinuteCounters;
  private readonly leases: ConcurrencyLeases;

  constructor(private readonly redis: Redis | undefined) {
    this.requests = new MinuteCounters('rpm', redis);
    this.tokens = new MinuteCounters('tpm', redis);
    this.leases = new ConcurrencyLeases(redis);
  }

  /** Undefined, at once, where no limit applies. Rejects with `rate_limit_exceeded`. */
  admit(rules: readonly RateLimitRule[], request: LimitedRequest): Promise<LimitTicket> | undefined {
    if (rules.length === 0) return undefined;
    const applying = rules.filter(({ model }) => model === null || model === request.model);
    return applying.length === 0 ? undefined : this.take(applying, request);
  }

  async stop(): Promise<void> {
    this.leases.stop();
    await this.redis?.quit().catch(() => this.redis?.disconnect());
  }

  private async take(rules: readonly RateLimitRule[], request: LimitedRequest): Promise<LimitTicket> {
    const releases = await this.acquireAll(rules, request.requestId);
    const giveBack = (): void => {
      for (const release of releases) release();
    };
    const taken = await Promise.all(rules.flatMap((rule) => this.takeOf(rule, request))).catch((error: unknown) => {
      giveBack();
      throw error;
    });
    const refused = taken.filter(({ counted }) => !counted.allowed);
    const [worst] = refused.toSorted((left, right) => right.counted.resetMs - left.counted.resetMs);
    if (worst) {
      giveBack();
      // A request that is refused under one limit uses up none of the others.
      for (const other of taken) if (other.counted.allowed) this.correct(other, -other.amount);
      throw exceeded(worst, headersOf(taken));
    }
    return {
      headers: headersOf(taken),
      finish: (tokens) => {
        giveBack();
        if (tokens === undefined) return;
        for (const one of taken) if (one.unit === 'tokens') this.correct(one, tokens - one.amount);
      },
    };
  }

  private async acquireAll(rules: readonly RateLimitRule[], requestId: string): Promise<(() => void)[]> {
    const releases: (() => void)[] = [];
    for (const rule of rules) {
      if (rule.concurrency === null) continue;
      const release = await this.leases.acquire(keyOf(rule), rule.concurrency, requestId);
      if (release) {
        releases.push(release);
        continue;
      }
      for (const earlier of releases) earlier();
      throw tooManyAtOnce(rule.concurrency);
    }
    return releases;
  }

  private takeOf(rule: RateLimitRule, { tokens }: LimitedRequest): Promise<Taken>[] {
    const key = keyOf(rule);
    const promises: Promise<Taken>[] = [];
    const add = (unit: Taken['unit'], counters: MinuteCounters, limit: number | null, amount: number): void => {
      if (limit === null) return;
      promises.push(counters.take(key, limit, amount).then((counted) => ({ rule, unit, key, amount, counted })));
    };
    add('requests', this.requests, rule.requestsPerMinute, 1);
    // More than the whole limit could never be let in; the rest is corrected at the end.
    add('tokens', this.tokens, rule.tokensPerMinute, Math.min(tokens, rule.tokensPerMinute ?? tokens));
    return promises;
  }

  /** Not awaited: a correction that fails leaves a soft limit a little off for a minute. */
  private correct({ unit, key, counted }: Taken, amount: number): void {
    const counters = unit === 'requests' ? this.requests : this.tokens;
    counters.correct(key, counted.limit, amount).catch(() => undefined);
  }
}

function keyOf({ id, model }: RateLimitRule): string {
  return model === null ? id : `${id}:${model}`;
}

/** OpenAI's headers ("Rate limits in headers"): of each unit the rule with the least left. */
function headersOf(taken: readonly Taken[]): string[] {
  const headers: string[] = [];
  for (const unit of ['requests', 'tokens'] as const) {
    const [tightest] = taken
      .filter((one) => one.unit === unit)
      .toSorted((left, right) => left.counted.remaining - right.counted.remaining);
    if (!tightest) continue;
    const { limit, remaining, resetMs } = tightest.counted;
    headers.push(`x-ratelimit-limit-${unit}`, String(limit));
    headers.push(`x-ratelimit-remaining-${unit}`, String(remaining));
    headers.push(`x-ratelimit-reset-${unit}`, durationText(resetMs));
  }
  return headers;
}

/** As OpenAI writes it: `20ms`, `7.66s`, `1m0s`. */
function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)}ms`;
  const seconds = Math.ceil(ms / 10) / 100;
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${Math.round(seconds % 60)}s`;
}

function exceeded({ rule, unit, counted }: Taken, headers: readonly string[]): GatewayError {
  const seconds = Math.max(1, Math.ceil(counted.resetMs / 1_000));
  const per = unit === 'requests' ? 'requests per minute (RPM)' : 'tokens per minute (TPM)';
  const where = rule.model === null ? `this ${rule.scope}` : `\`${rule.model}\` in this ${rule.scope}`;
  const message = `Rate limit reached for ${where} on ${per}: limit ${counted.limit}. Retry in ${seconds} s, or have the limit raised.`;
  return new GatewayError('rate_limit_exceeded', message, {
    retryAfterSeconds: seconds,
    headers: { 'retry-after-ms': String(Math.max(1, Math.ceil(counted.resetMs))), ...recordOf(headers) },
  });
}

function tooManyAtOnce(limit: number): GatewayError {
  const message = `Rate limit reached: ${limit} requests are under way at once already. Retry when one of them is done.`;
  return new GatewayError('rate_limit_exceeded', message, { retryAfterSeconds: 1 });
}

function recordOf(headers: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (let index = 0; index < headers.length; index += 2)
    record[headers[index] as string] = headers[index + 1] as string;
  return record;
}
