import { describe, expect, it } from '@jest/globals';
import { describeError } from './logger.js';

describe('describeError', () => {
  it('keeps name, message, stack, code and causes, and drops every other property', () => {
    const cause = Object.assign(new Error('duplicate key'), { code: '23505', detail: 'Key (secret)=(s3cret)' });
    const error = Object.assign(new TypeError('insert failed', { cause }), { parameters: ['s3cret'] });
    const described = describeError(error);
    expect(described).toMatchObject({
      name: 'TypeError',
      message: 'insert failed',
      cause: { message: 'duplicate key', code: '23505' },
    });
    expect(described.stack).toContain('logger.spec');
    expect(JSON.stringify(described)).not.toContain('s3cret');
  });

  it('ends a circle of causes', () => {
    const error = new Error('round');
    error.cause = error;
    expect(JSON.stringify(describeError(error)).match(/"name"/g)).toHaveLength(5);
  });

  it('takes what is not an error', () => {
    expect(describeError('text')).toEqual({ name: 'unknown', message: 'text' });
  });
});
