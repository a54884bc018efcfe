import { describe, expect, it } from '@jest/globals';
import { endpoints } from '#libs/contracts';
import { endpointReaders } from './endpoint-readers.js';

describe('endpointReaders', () => {
  it('reads every endpoint in every format that it accepts, and in no other', () => {
    const read = endpointReaders.map(({ endpoint, json, form }) => ({
      id: endpoint.id,
      formats: [json && 'json', form && 'multipart'].filter(Boolean),
    }));
    expect(read).toEqual(endpoints.map(({ id, accepts }) => ({ id, formats: accepts.toSorted() })));
    for (const { id, form, accepts } of endpoints) {
      expect([id, form !== undefined]).toEqual([id, accepts.includes('multipart')]);
    }
  });
});
