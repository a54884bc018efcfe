import type { Provider, Type } from '@nestjs/common';
import {
  authorizeSubject,
  holdChangesSubject,
  idempotencyFetchSubject,
  idempotencyStoreSubject,
} from '#libs/contracts';
import { AuthorizeHandler } from './authorize.handler.js';
import { HoldChangesHandler } from './hold-changes.handler.js';
import { HoldExpirer } from './hold-expirer.js';
import { IdempotencyHandler } from './idempotency.handler.js';
import { LedgerWriter } from './ledger-writer.js';

/** Money set aside before a call. */
export const holdsProviders: Provider[] = [LedgerWriter, HoldExpirer];
export const holdsControllers: Type[] = [AuthorizeHandler, HoldChangesHandler, IdempotencyHandler];
export const holdsSubjects: readonly string[] = [
  authorizeSubject,
  holdChangesSubject,
  idempotencyStoreSubject,
  idempotencyFetchSubject,
];
