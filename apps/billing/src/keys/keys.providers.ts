import type { Provider, Type } from '@nestjs/common';
import { keyLookupSubject } from '#libs/contracts';
import { AdminApiKeysHandlers } from './admin-api-keys.handlers.js';
import { ApiKeysHandlers } from './api-keys.handlers.js';
import { KeyActivity } from './key-activity.js';
import { KeyIssuer } from './key-issuer.js';
import { KeyLookupHandler } from './key-lookup.handler.js';
import { RateLimitsHandlers } from './rate-limits.handlers.js';
import { ServiceAccountsHandlers } from './service-accounts.handlers.js';

/** Handler groups of the management API. */
export const keysHandlerGroups = [ApiKeysHandlers, ServiceAccountsHandlers, AdminApiKeysHandlers, RateLimitsHandlers];

/** Whom a key speaks for, what it may do, and who says so. */
export const keysProviders: Provider[] = [KeyActivity, KeyIssuer, ...keysHandlerGroups];
export const keysControllers: Type[] = [KeyLookupHandler];
export const keysSubjects: readonly string[] = [keyLookupSubject];
