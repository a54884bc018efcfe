import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { root } from './repository.js';

/** A small house of its own, with this house's tool configuration and the given files. */
export class PlantedTree {
  private readonly folder = mkdtempSync(join(tmpdir(), 'modapi-house-'));

  constructor(files: Readonly<Record<string, string>>, configuration: readonly string[]) {
    for (const name of configuration) cpSync(join(root, name), join(this.folder, name));
    symlinkSync(join(root, 'node_modules'), join(this.folder, 'node_modules'));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.folder, path)), { recursive: true });
      writeFileSync(join(this.folder, path), text);
    }
  }

  /** Runs a tool of node_modules in the tree, under the Node that runs the tests. */
  run(script: string, argv: readonly string[]): string {
    // oxlint looks for tsgolint on the PATH.
    const path = [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter);
    const { stdout, stderr, error } = spawnSync(process.execPath, [join(root, 'node_modules', script), ...argv], {
      cwd: this.folder,
      encoding: 'utf8',
      timeout: 60_000,
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, PATH: path, NODE_OPTIONS: '' },
    });
    if (error) throw error;
    if (stdout === '' || stderr !== '') throw new Error(`${script} did not report: ${stderr}`);
    return stdout;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
