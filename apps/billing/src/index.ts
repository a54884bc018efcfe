/** Keys and usage: the only app that writes to Postgres. */
export { billingApp } from './billing.app.js';
/** The reports and their roll-up, for programs that fill or measure a database. */
export { readCosts } from './reports/costs-report.js';
export { readUsage } from './reports/usage-report.js';
export { UsageRollup } from './reports/usage-rollup.js';
/** Checks the invariants of the books: `npm run ledger:check`. */
export { checkLedger, type Finding as LedgerFinding } from './ledger/check-ledger.js';
