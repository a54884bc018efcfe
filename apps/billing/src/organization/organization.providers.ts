import type { Provider, Type } from '@nestjs/common';
import { organizationSubject } from '#libs/contracts';
import { keysHandlerGroups } from '../keys/keys.providers.js';
import { CostsHandlers } from '../reports/costs.handlers.js';
import { UsageHandlers } from '../reports/usage.handlers.js';
import { AuditLogsHandlers } from './audit-logs.handlers.js';
import { BillingHandlers } from './billing.handlers.js';
import { BudgetsHandlers } from './budgets.handlers.js';
import type { HandlerGroup } from './handler-group.js';
import { HANDLER_GROUPS, OrganizationDispatcher } from './organization.dispatcher.js';
import { OrganizationsHandlers } from './organizations.handlers.js';
import { PriceOverridesHandlers } from './price-overrides.handlers.js';
import { ProjectsHandlers } from './projects.handlers.js';

const ownGroups = [
  ProjectsHandlers,
  BillingHandlers,
  BudgetsHandlers,
  PriceOverridesHandlers,
  AuditLogsHandlers,
  OrganizationsHandlers,
];
/** Together they answer every route of `organizationRoutes`; a route that nobody answers refuses the start. */
const allGroups = [...ownGroups, ...keysHandlerGroups, UsageHandlers, CostsHandlers];

/** The management API. */
export const organizationProviders: Provider[] = [
  ...ownGroups,
  { provide: HANDLER_GROUPS, inject: allGroups, useFactory: (...groups: HandlerGroup[]) => groups },
];
export const organizationControllers: Type[] = [OrganizationDispatcher];
export const organizationSubjects: readonly string[] = [organizationSubject];
