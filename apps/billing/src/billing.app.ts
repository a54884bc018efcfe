import { keyLookupSubject } from '#libs/contracts';
import type { AppDefinition } from '#libs/runtime';
import { BillingModule } from './billing.module.js';
import { type BillingEnvironment, billingEnvironment } from './config.js';

/** The only writer of money: keys, usage records. */
export const billingApp: AppDefinition<BillingEnvironment> = {
  name: 'billing',
  env: billingEnvironment,
  module: (environment) => BillingModule.with(environment),
  serves: [keyLookupSubject],
};
