import { describe, expect, it } from '@jest/globals';
import { generateApiKey } from '#libs/contracts';
import { billingEnvironment } from './config.js';

const good = { DATABASE_URL: 'postgres://u:p@localhost/db', MODAPI_KEY_PEPPER: 'p'.repeat(32) };

function wrongNames(environment: Record<string, string>): string[] {
  return (billingEnvironment.safeParse(environment).error?.issues ?? []).map((issue) => String(issue.path[0]));
}

describe('the environment of billing', () => {
  it('needs a database and a pepper', () => {
    expect(wrongNames(good)).toEqual([]);
    expect(wrongNames({})).toEqual(['DATABASE_URL', 'MODAPI_KEY_PEPPER']);
    expect(wrongNames({ DATABASE_URL: 'mysql://x/y', MODAPI_KEY_PEPPER: 'short' })).toHaveLength(2);
  });

  it('takes bootstrap keys of their own scope only', () => {
    const inference = generateApiKey('inference');
    const admin = generateApiKey('admin');
    expect(wrongNames({ ...good, MODAPI_BOOTSTRAP_API_KEY: inference, MODAPI_BOOTSTRAP_ADMIN_KEY: admin })).toEqual([]);
    expect(wrongNames({ ...good, MODAPI_BOOTSTRAP_API_KEY: admin })).toEqual(['MODAPI_BOOTSTRAP_API_KEY']);
    expect(wrongNames({ ...good, MODAPI_BOOTSTRAP_ADMIN_KEY: inference })).toEqual(['MODAPI_BOOTSTRAP_ADMIN_KEY']);
    expect(wrongNames({ ...good, MODAPI_BOOTSTRAP_API_KEY: `${inference.slice(0, -1)}_` })).toHaveLength(1);
  });
});
