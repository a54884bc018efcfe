import { type FSWatcher, readFileSync, realpathSync, watch } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { revisionOf } from './config-document.js';

const settleMs = 100;
// Network and overlay file systems send no events: a look at the content now and then finds what they missed.
const pollMs = 5_000;

/**
 * Calls back when the content of a file is no longer the `known` revision, then at each change. Watches its folder, not the file: editors and Kubernetes replace
 * the file (Kubernetes by moving the symlink `..data`), and a watch on the old inode would hear nothing more.
 */
export function watchFile(file: string, known: string, changed: () => void): () => void {
  const path = resolve(file);
  let last = known;
  let timer: NodeJS.Timeout | undefined;
  const check = (): void => {
    const now = fingerprint(path);
    if (now === last) return;
    last = now;
    changed();
  };
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(check, settleMs);
  };
  const watchers = watchFolders(path, soon);
  const poll = setInterval(check, pollMs);
  poll.unref();
  soon(); // a change since the file was read
  return () => {
    clearTimeout(timer);
    clearInterval(poll);
    for (const watcher of watchers) watcher.close();
  };
}

/** The folder of the path, and that of its target where it is a link to elsewhere. */
function watchFolders(path: string, heard: () => void): FSWatcher[] {
  const folders = new Set([dirname(path)]);
  try {
    folders.add(dirname(realpathSync(path)));
  } catch {
    // Not there at the moment: the first folder tells when it comes.
  }
  const own = basename(path);
  return [...folders].flatMap((folder) => {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (name === null || name === own || name.startsWith('..') || folder !== dirname(path)) heard();
      });
      // A folder that is removed or a system out of watches: the poll goes on.
      watcher.on('error', () => watcher.close());
      return [watcher];
    } catch {
      return [];
    }
  });
}

function fingerprint(path: string): string {
  try {
    return revisionOf(readFileSync(path, 'utf8'));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unreadable';
  }
}
