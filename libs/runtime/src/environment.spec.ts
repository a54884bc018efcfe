import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { AppDefinition } from './app-definition.js';
import { parseEnvironment } from './environment.js';
import { StartError } from './start-error.js';

class NothingModule {}
const app: AppDefinition = {
  name: 'ingress',
  env: z.object({
    MODAPI_KEY_PEPPER: z.string().min(32, 'needs at least 32 characters'),
    MODAPI_HTTP_PORT: z.coerce.number().int().default(8080),
  }),
  module: () => NothingModule,
};
const pepper = 'p'.repeat(32);

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    parseEnvironment([app], env);
  } catch (error) {
    if (error instanceof StartError) return error.problems;
  }
  return [];
}

describe('parseEnvironment', () => {
  it('gives each app its own values and the runtime its defaults', () => {
    const parsed = parseEnvironment([app], { MODAPI_KEY_PEPPER: pepper, MODAPI_DRAIN_SECONDS: '5', PATH: '/bin' });
    expect(parsed.apps).toEqual([{ MODAPI_KEY_PEPPER: pepper, MODAPI_HTTP_PORT: 8080 }]);
    expect(parsed.runtime).toMatchObject({ MODAPI_DRAIN_SECONDS: 5, LOG_LEVEL: 'info' });
  });

  it('lists all problems at once', () => {
    const problems = problemsOf({ MODAPI_HTTP_PORT: 'eighty', LOG_LEVEL: 'loud' });
    expect(problems).toHaveLength(3);
    expect(problems).toContain('MODAPI_KEY_PEPPER is not set');
    expect(problems).toContainEqual(expect.stringContaining('MODAPI_HTTP_PORT: '));
    expect(problems).toContainEqual(expect.stringContaining('LOG_LEVEL: '));
  });

  it('never shows a value', () => {
    expect(problemsOf({ MODAPI_KEY_PEPPER: 'hush-hush' })).toEqual(['MODAPI_KEY_PEPPER: needs at least 32 characters']);
  });

  it('takes an empty variable as not set', () => {
    expect(problemsOf({ MODAPI_KEY_PEPPER: '' })).toEqual(['MODAPI_KEY_PEPPER is not set']);
  });

  it('refuses an unknown MODAPI_ name and says what was meant', () => {
    expect(problemsOf({ MODAPI_KEY_PEPPER: pepper, MODAPI_HTP_PORT: '1' })).toEqual([
      'MODAPI_HTP_PORT is not a setting of ModAPI; did you mean MODAPI_HTTP_PORT?',
    ]);
    expect(problemsOf({ MODAPI_KEY_PEPPER: pepper, MODAPI_ZZZ: '1' })).toEqual([
      'MODAPI_ZZZ is not a setting of ModAPI',
    ]);
  });

  it("accepts another app's variables", () => {
    expect(problemsOf({ MODAPI_KEY_PEPPER: pepper, MODAPI_SANDBOX_PORT: '1' })).toEqual([]);
  });
});
