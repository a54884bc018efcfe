import { z } from 'zod';
import { welcomeText } from '#apps/standalone';
import { orExit, stopOnSignals } from '#libs/runtime';
import { startCluster } from './cluster.js';

const scale = z.record(z.string(), z.int().positive()).parse(JSON.parse(process.argv[2] ?? '{}'));
const print = (line: string): void => void process.stdout.write(`${line}\n`);

const cluster = await orExit('modapi', () => startCluster({ env: process.env, scale, print }));
process.on('exit', () => cluster.killNow());
stopOnSignals({
  stop: () => cluster.stop(),
  reloadConfig: () => cluster.reloadConfig(),
  crashed: (error) => print(`supervisor | ${error.stack ?? error.message}`),
});
const clientEnv = cluster.writeClientEnv();
const { baseUrl, apiKey } = cluster;
print(welcomeText({ baseUrl, apiKey, clientEnv, seconds: process.uptime() }));
