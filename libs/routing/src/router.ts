import type { Deployment } from '#libs/catalog';
import { Circuit, type CircuitLimits, defaultCircuitLimits } from './circuit.js';
import { orderCandidates } from './order-candidates.js';
import { RetryBudget } from './retry-budget.js';

/** What came of an attempt, as far as routing cares. */
export type AttemptResult =
  | { readonly kind: 'success' }
  /** `repeatable`: the connection broke before any answer, so the same deployment may be asked once more. */
  | { readonly kind: 'failure'; readonly repeatable?: boolean }
  | { readonly kind: 'rate_limited'; readonly retryAfterMs?: number | undefined }
  /** Says nothing about the provider: the caller went away, or the request itself was refused. */
  | { readonly kind: 'neutral' }
  /** Not called at all: it counts as no attempt. */
  | { readonly kind: 'skipped' };

export interface RouterOptions {
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  /** [0, 1). */
  readonly random?: () => number;
  readonly maxAttempts?: number;
  readonly circuit?: CircuitLimits;
}

/** Remembers how the deployments do, and plans each call by it. One per worker. */
export class Router {
  readonly now: () => number;
  readonly maxAttempts: number;
  private readonly random: () => number;
  private readonly circuitLimits: CircuitLimits;
  private readonly circuits = new Map<string, Circuit>();
  private readonly budgets = new Map<string, RetryBudget>();

  constructor(options: RouterOptions = {}) {
    this.now = options.now ?? (() => performance.now());
    this.random = options.random ?? Math.random;
    this.maxAttempts = options.maxAttempts ?? 3;
    this.circuitLimits = options.circuit ?? defaultCircuitLimits;
  }

  /** A plan for one call. `attemptsMade`: by workers that vanished. */
  plan(deployments: readonly Deployment[], attemptsMade = 0): RoutePlan {
    const candidates = orderCandidates(this.withoutEjected(deployments), this.random);
    return new RoutePlan(this, candidates, attemptsMade);
  }

  circuitOf(deployment: Deployment): Circuit {
    let circuit = this.circuits.get(deployment.id);
    if (!circuit) this.circuits.set(deployment.id, (circuit = new Circuit(this.circuitLimits)));
    return circuit;
  }

  budgetOf(deployment: Deployment): RetryBudget {
    let budget = this.budgets.get(deployment.provider);
    if (!budget) this.budgets.set(deployment.provider, (budget = new RetryBudget()));
    return budget;
  }

  /** At most half of the candidates stay ejected, so one alone never is: a wrong guess must not take a model away. */
  private withoutEjected(deployments: readonly Deployment[]): readonly Deployment[] {
    if (deployments.length < 2) return deployments;
    const now = this.now();
    const ejected = deployments
      .map((deployment) => ({ deployment, at: this.circuitOf(deployment).availableAt(now) }))
      .filter(({ at }) => at > now);
    if (ejected.length === 0) return deployments;
    const longest = ejected
      .toSorted((one, other) => other.at - one.at)
      .slice(0, Math.floor(deployments.length / 2))
      .map(({ deployment }) => deployment);
    return deployments.filter((deployment) => !longest.includes(deployment));
  }
}

/** The attempts of one call: `next`, then `report`, until one succeeds or `next` has nothing more. */
export class RoutePlan {
  private position = 0;
  private attempts: number;
  private taken: { deployment: Deployment; isRetry: boolean } | undefined;
  private repeat: Deployment | undefined;
  private repeated = false;

  constructor(
    private readonly router: Router,
    private readonly candidates: readonly Deployment[],
    private readonly attemptsMade: number,
  ) {
    this.attempts = attemptsMade;
  }

  /** Number of the attempt that `next` gave last, from 1; workers that vanished included. */
  get attempt(): number {
    return this.attempts;
  }

  /** The deployment to call now, or undefined: give up. */
  next(): Deployment | undefined {
    if (this.attempts >= this.router.maxAttempts) return undefined;
    // What a vanished worker had under way is no load on top: all of its calls move here, whatever the budget.
    const isRetry = this.attempts > this.attemptsMade;
    const deployment = this.pick(isRetry);
    if (!deployment) return undefined;
    this.attempts++;
    this.taken = { deployment, isRetry };
    this.router.budgetOf(deployment).taken(isRetry);
    this.router.circuitOf(deployment).taken(this.router.now());
    return deployment;
  }

  /** What came of the deployment that `next` gave; further reports of it are ignored. */
  report(result: AttemptResult): void {
    if (!this.taken) return;
    const { deployment, isRetry } = this.taken;
    this.taken = undefined;
    this.router.budgetOf(deployment).released(isRetry);
    const circuit = this.router.circuitOf(deployment);
    switch (result.kind) {
      case 'success':
        circuit.succeeded(this.router.now());
        break;
      case 'failure':
        circuit.failed(this.router.now());
        if (result.repeatable && !this.repeated) this.repeat = deployment;
        break;
      case 'rate_limited':
        circuit.rateLimited(this.router.now(), result.retryAfterMs);
        break;
      case 'neutral':
        circuit.abandoned();
        break;
      case 'skipped':
        circuit.abandoned();
        this.attempts--;
        break;
    }
  }

  private pick(isRetry: boolean): Deployment | undefined {
    while (this.position < this.candidates.length) {
      const candidate = this.candidates[this.position++] as Deployment;
      if (!isRetry || this.router.budgetOf(candidate).allowsRetry()) return candidate;
    }
    const { repeat } = this;
    if (!repeat || this.repeated || !this.router.budgetOf(repeat).allowsRetry()) return undefined;
    this.repeated = true;
    return repeat;
  }
}
