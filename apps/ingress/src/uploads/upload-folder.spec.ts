import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UploadFolder } from './upload-folder.js';

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'modapi-spec-'));
});
afterEach(() => rm(parent, { recursive: true }));

describe('the upload folder', () => {
  it('is private, is made with its parents, and goes with what is in it', async () => {
    const folder = await UploadFolder.open(join(parent, 'a', 'b'));
    expect((await stat(folder.path)).mode & 0o777).toBe(0o700);
    expect(folder.newPath()).not.toBe(folder.newPath());
    await writeFile(folder.newPath(), 'x');
    folder.onApplicationShutdown();
    expect(await readdir(join(parent, 'a', 'b'))).toEqual([]);
  });

  it('removes what nobody keeps any more, whatever its number, and nothing else', async () => {
    const left = ['modapi-uploads-1-abc', `modapi-uploads-${process.pid}-abcdef`];
    const others = ['modapi-uploads-', 'modapi-uploads-x-y', 'other'];
    // Of another container on the same volume: the number of no process here, and kept.
    const kept = ['modapi-uploads-999999999-abc', `modapi-uploads-${process.ppid}-abc`];
    for (const name of [...left, ...others, ...kept]) await mkdir(join(parent, name));
    await writeFile(join(parent, left[0] as string, 'file'), 'x');
    for (const name of [...left, ...others]) await age(join(parent, name), 61_000);
    for (const name of kept) await age(join(parent, name), 50_000);
    const first = await UploadFolder.open(parent);
    const second = await UploadFolder.open(parent);
    const own = [first, second].map(({ path }) => path.slice(parent.length + 1));
    expect((await readdir(parent)).toSorted()).toEqual([...others, ...kept, ...own].toSorted());
    first.onApplicationShutdown();
    second.onApplicationShutdown();
  });

  it('stays as long as its process lives, though nothing is written, and one that died is removed by the others', async () => {
    const options = { beatMs: 20, staleMs: 200 };
    const alive = await UploadFolder.open(parent, options);
    const other = await UploadFolder.open(parent, options);
    const dead = join(parent, 'modapi-uploads-7-abc');
    await mkdir(dead);
    await sleep(600);
    expect(await readdir(parent)).toEqual([alive, other].map(({ path }) => path.slice(parent.length + 1)).toSorted());
    alive.onApplicationShutdown();
    other.onApplicationShutdown();
  });

  it('tells of a heartbeat that fails, and not of its own end', async () => {
    const troubles: Error[] = [];
    const folder = await UploadFolder.open(parent, { beatMs: 10, onTrouble: (error) => troubles.push(error) });
    await sleep(50);
    expect(troubles).toEqual([]);
    await rm(folder.path, { recursive: true });
    while (troubles.length === 0) await sleep(5);
    expect(troubles[0]).toMatchObject({ code: 'ENOENT' });
    folder.onApplicationShutdown();
    await sleep(30);
    const told = troubles.length;
    await sleep(50);
    expect(troubles.length).toBe(told);
  });
});

async function age(path: string, ageMs: number): Promise<void> {
  const then = new Date(Date.now() - ageMs);
  await utimes(path, then, then);
}
