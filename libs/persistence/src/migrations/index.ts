import { KeysAndUsage1767225600000 } from './1767225600000-keys-and-usage.migration.js';
import { Ledger1767312000000 } from './1767312000000-ledger.migration.js';
import { OrganizationManagement1767312060000 } from './1767312060000-organization-management.migration.js';
import { HoldFunctions1767312120000 } from './1767312120000-hold-functions.migration.js';
import { HoldFunctionsChanges1767312130000 } from './1767312130000-hold-functions-changes.migration.js';
import { SettlementFunctions1767312180000 } from './1767312180000-settlement-functions.migration.js';
import { CreditFunctions1767312180001 } from './1767312180001-credit-functions.migration.js';
import { UsageRollups1767312240000 } from './1767312240000-usage-rollups.migration.js';
import { KeyLookUp1767312250000 } from './1767312250000-key-look-up.migration.js';
import { RowLevelSecurity1767312300000 } from './1767312300000-row-level-security.migration.js';
import { EveryUnit1767312360000 } from './1767312360000-every-unit.migration.js';
import { EveryUnitRollups1767312360001 } from './1767312360001-every-unit-rollups.migration.js';

/** In order; one line each. A migration that was released is never changed. */
export const migrations = [
  KeysAndUsage1767225600000,
  Ledger1767312000000,
  OrganizationManagement1767312060000,
  HoldFunctions1767312120000,
  HoldFunctionsChanges1767312130000,
  SettlementFunctions1767312180000,
  CreditFunctions1767312180001,
  UsageRollups1767312240000,
  KeyLookUp1767312250000,
  RowLevelSecurity1767312300000,
  EveryUnit1767312360000,
  EveryUnitRollups1767312360001,
];
