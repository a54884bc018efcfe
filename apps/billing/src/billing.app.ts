import type { AppDefinition } from '#libs/runtime';
import { BillingModule } from './billing.module.js';
import { type BillingEnvironment, billingEnvironment } from './config.js';
import { holdsSubjects } from './holds/holds.providers.js';
import { keysSubjects } from './keys/keys.providers.js';
import { organizationSubjects } from './organization/organization.providers.js';

/** The only writer of money: keys, usage records. */
export const billingApp: AppDefinition<BillingEnvironment> = {
  name: 'billing',
  env: billingEnvironment,
  module: (environment) => BillingModule.with(environment),
  serves: [...keysSubjects, ...holdsSubjects, ...organizationSubjects],
};
