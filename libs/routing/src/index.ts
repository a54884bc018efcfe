/** Choosing among the deployments of a model: order, failover, retry budget, circuit breaking. */
/** When a deployment is left alone for a while. */
export { Circuit, type CircuitLimits, defaultCircuitLimits } from './circuit.js';
/** By priority, then at random by weight. */
export { orderCandidates } from './order-candidates.js';
/** Bounds what retries may add to an outage. */
export { RetryBudget } from './retry-budget.js';
/** The attempts of one call. */
export { type AttemptResult, RoutePlan, Router, type RouterOptions } from './router.js';
