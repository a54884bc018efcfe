/** Nest injection token of the checked `BillingEnvironment`. */
export const BILLING_ENVIRONMENT = Symbol('billing.environment');
/** Nest injection token of the pepper as a `KeyObject`. */
export const KEY_PEPPER = Symbol('billing.key-pepper');
