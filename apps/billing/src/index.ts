/** Keys and usage: the only app that writes to Postgres. */
export { billingApp } from './billing.app.js';
