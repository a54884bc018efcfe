import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { BlobStore } from './blob-store.js';

/** A store and a way to spoil a file behind its back. */
export interface StoreUnderTest {
  readonly store: BlobStore;
  spoil(name: string): Promise<void>;
}

const soon = () => new Date(Date.now() + 3_600_000);

/** What every blob store must do. */
export function blobStoreConformance(name: string, underTest: () => StoreUnderTest): void {
  const put = (bytes: Uint8Array, expiresAt = soon()) =>
    underTest().store.put(bytes, { contentType: 'image/png', organizationId: 'org_a', expiresAt });

  describe(`the blob store on ${name}`, () => {
    it('gives back what it was given', async () => {
      const bytes = randomBytes(3_000_000);
      const blob = await underTest().store.find(await put(bytes));
      expect([blob?.bytes, blob?.contentType]).toEqual([bytes.length, 'image/png']);
      expect((await buffer(await blob!.open())).equals(bytes)).toBe(true);
    });

    it('opens a range', async () => {
      const bytes = randomBytes(1_000);
      const blob = await underTest().store.find(await put(bytes));
      expect(await buffer(await blob!.open({ first: 10, last: 19 }))).toEqual(bytes.subarray(10, 20));
    });

    it('names each file anew, below its organization', async () => {
      const bytes = randomBytes(10);
      const [one, other] = [await put(bytes), await put(bytes)];
      expect(one).toMatch(/^\d{10}\/org_a\/[\w-]{66}\.png$/);
      expect(other).not.toBe(one);
    });

    it.each(['../../etc/passwd', 'x', '2099010100/org_a/short.png', `2099010100/../${'a'.repeat(66)}.png`])(
      'looks nothing up that it has not named: %s',
      async (strange) => {
        expect(await underTest().store.find(strange)).toBeUndefined();
      },
    );

    it('finds nothing that is not there, deleted or expired', async () => {
      const { store } = underTest();
      const deleted = await put(randomBytes(10));
      await store.delete(deleted);
      expect(await store.find(deleted)).toBeUndefined();
      expect(await store.find(deleted.replace(/\/[\w-]{4}/, '/AAAA'))).toBeUndefined();
      expect(await store.find(await put(randomBytes(10), new Date(Date.now() - 7_200_000)))).toBeUndefined();
    });

    it('sweeps what has expired and nothing else', async () => {
      const { store } = underTest();
      await store.sweep();
      const kept = await put(randomBytes(10));
      for (let count = 0; count < 3; count++) await put(randomBytes(10), new Date(Date.now() - 7_200_000));
      expect(await store.sweep()).toBe(3);
      expect(await store.sweep()).toBe(0);
      expect(await store.find(kept)).toBeDefined();
      expect(await store.sweep(new Date(Date.now() + 10_800_000))).toBeGreaterThan(0);
      expect(await store.find(kept)).toBeUndefined();
    });

    it('breaks off what differs from its checksum', async () => {
      const blob = await put(randomBytes(200_000));
      await underTest().spoil(blob);
      const found = await underTest().store.find(blob);
      await expect(found!.open().then(buffer)).rejects.toThrow('differs from its checksum');
    });

    it('stores only types that it knows', async () => {
      const blob = { contentType: 'text/html', organizationId: 'org_a', expiresAt: soon() };
      await expect(underTest().store.put(randomBytes(1), blob)).rejects.toThrow('text/html');
    });
  });
}
